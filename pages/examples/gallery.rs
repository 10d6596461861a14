//! Writes every page in every language into a folder, for translators and for a look at a change of the style:
//! `cargo run -p postern-pages --example gallery -- FOLDER`.

use std::{fs, io, path::PathBuf};

use postern_pages::{
    Application, Applications, ClientOrigin, Consent, Date, Document, Done, Failure, Field, Forgotten, Frame,
    Hidden, Language, NewPassword, Problem, Scope, Sent, SignIn, SignOut, SignUp, SignedIn, Theme,
    VerifyAddress,
};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "target/gallery".to_owned()));
    fs::create_dir_all(&folder)?;
    let theme = Theme::named("Acme Books".to_owned());
    for language in Language::ALL {
        let in_languages = Language::ALL
            .map(|language| (language, format!("sign-in.{}.html", language.tag())))
            .into_iter()
            .collect();
        let frame = Frame { language, theme: &theme, in_languages, form_targets: Vec::new() };
        for (name, document) in pages(&frame).into_iter().chain(applications(&frame)) {
            fs::write(folder.join(format!("{name}.{}.html", language.tag())), document.html)?;
        }
    }
    Ok(())
}

fn pages(frame: &Frame<'_>) -> Vec<(&'static str, Document)> {
    let hidden =
        Hidden { action: "/auth/sign-in", form_token: "A", request: Some("client_id=notes"), to: None };
    let sign_in = SignIn {
        hidden,
        client: Some("Notes for Teams"),
        login: "",
        problem: None,
        forgotten: Some("/auth/forgotten-password"),
        sign_up: Some("/auth/sign-up"),
        stay: None,
    };
    let sign_up = SignUp { hidden, client: None, login: "alice", problem: None, sign_in: "/auth/sign-in" };
    let forgotten = Forgotten { hidden, login: "", problem: None, sign_in: "/auth/sign-in" };
    let scopes = [
        Scope { name: "read:orders", description: Some(orders(frame)) },
        Scope { name: "offline_access", description: None },
        Scope { name: "write:orders", description: None },
    ];
    let consent = Consent {
        hidden,
        client: "Notes for Teams",
        origin: ClientOrigin::Operator,
        login: Some("alice@example.com"),
        another: "/auth/sign-in",
        resource: Some("https://books.example.com/mcp"),
        redirect_host: "notes.example",
        is_local: false,
        scopes: &scopes,
        applications: "/auth/applications",
    };
    let local = Consent {
        origin: ClientOrigin::Itself,
        redirect_host: "localhost",
        is_local: true,
        scopes: &[],
        ..consent
    };
    let of_domain = Consent { origin: ClientOrigin::Domain("notes.example"), ..consent };
    let wrong = Some(Problem::WrongCredentials);
    vec![
        ("sign-in", sign_in.render(frame)),
        ("sign-in-refused", SignIn { login: "alice@example.com", problem: wrong, ..sign_in }.render(frame)),
        ("sign-in-empty", SignIn { problem: Some(Problem::Missing(Field::Login)), ..sign_in }.render(frame)),
        (
            "sign-in-stay",
            SignIn { stay: Some(("alice@example.com", "/oauth/authorize")), ..sign_in }.render(frame),
        ),
        ("sign-up", sign_up.render(frame)),
        ("sign-up-refused", SignUp { problem: Some(Problem::PasswordCommon), ..sign_up }.render(frame)),
        ("forgotten", forgotten.render(frame)),
        ("sent", Sent { login: "alice@example.com", new_password: "/auth/new-password" }.render(frame)),
        ("new-password", NewPassword { hidden, code: "", problem: None }.render(frame)),
        (
            "new-password-refused",
            NewPassword { hidden, code: "pot_A", problem: Some(Problem::CodeInvalid) }.render(frame),
        ),
        ("verify-address", VerifyAddress { hidden, code: "", problem: None }.render(frame)),
        (
            "signed-in",
            SignedIn {
                login: Some("alice@example.com"),
                applications: "/",
                sign_out: "/auth/sign-out",
                another: "/",
            }
            .render(frame),
        ),
        (
            "sign-out",
            SignOut {
                hidden,
                applications: "/auth/applications",
                problem: Some(Problem::Throttled { seconds: 60 }),
            }
            .render(frame),
        ),
        ("password-set", Done::PasswordSet.render(frame, "/auth/sign-in")),
        ("address-verified", Done::AddressVerified.render(frame, "/auth/sign-in")),
        ("signed-out", Done::SignedOut.render(frame, "/auth/sign-in")),
        ("failure", Failure::WrongRedirect.render(frame, "invalid_redirect_uri")),
        ("consent", consent.render(frame)),
        ("consent-domain", of_domain.render(frame)),
        ("consent-local", local.render(frame)),
    ]
}

fn applications(frame: &Frame<'_>) -> Vec<(&'static str, Document)> {
    let hidden = Hidden { action: "/auth/applications", form_token: "A", request: None, to: None };
    let scopes = [
        Scope { name: "read:orders", description: Some(orders(frame)) },
        Scope { name: "offline_access", description: None },
    ];
    let hosts = ["notes.example".to_owned()];
    let several = ["reports.example".to_owned(), "127.0.0.1".to_owned()];
    let notes = Application {
        grant: "A",
        name: "Notes for Teams",
        hosts: &hosts,
        resource: Some("https://books.example.com/mcp"),
        scopes: &scopes,
        since: Date::of_seconds(1_790_000_000),
        used: Date::of_seconds(1_796_000_000),
    };
    let tool = Application {
        grant: "B",
        name: "Weekly reports",
        hosts: &several,
        resource: None,
        scopes: &[],
        ..notes
    };
    let applications = Applications {
        hidden,
        login: Some("alice@example.com"),
        applications: &[notes, tool],
        ended: None,
        problem: None,
        another: "/auth/sign-in",
        sign_out: "/auth/sign-out",
    };
    let none = Applications { applications: &[], ended: Some("Notes for Teams"), ..applications };
    vec![
        ("applications", applications.render(frame)),
        ("applications-none", none.render(frame)),
        (
            "applications-refused",
            Applications { problem: Some(Problem::FormExpired), ..applications }.render(frame),
        ),
    ]
}

/// What the operator wrote about a scope.
const fn orders(frame: &Frame<'_>) -> &'static str {
    match frame.language {
        Language::Arabic => "رؤية طلباتك",
        _ => "See your orders",
    }
}
