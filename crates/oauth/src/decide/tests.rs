use super::*;
use crate::{
    authorize::ProvedClient,
    form::Parameters,
    testing::{CHALLENGE, ISSUER, public},
};

const BEGUN: Timestamp = Timestamp::from_seconds(1000);
const NOW: Timestamp = Timestamp::from_seconds(1010);

/// A user who signed in at this second, with the scopes `read` and `admin`.
fn user(auth_time: u64) -> Grant {
    Grant {
        subject: "alice".to_owned(),
        client_id: "browser".to_owned(),
        scope: "read admin".to_owned(),
        roles: Vec::new(),
        tenant_id: None,
        amr: Vec::new(),
        auth_time: Timestamp::from_seconds(auth_time),
    }
}

struct Scene {
    client: Client,
    query: &'static str,
    user: Option<Grant>,
    remembered: Option<&'static str>,
    interaction: Interaction,
}

impl Default for Scene {
    /// Alice signed in long ago, and another company's client comes for the first time.
    fn default() -> Self {
        Self {
            client: public("app", "https://app.example/cb"),
            query: "",
            user: Some(user(500)),
            remembered: None,
            interaction: Interaction::new(BEGUN),
        }
    }
}

impl Scene {
    fn decide(self) -> Decision {
        let redirect = self.client.redirect_uris[0].as_str().to_owned();
        let query = format!(
            "client_id=app&redirect_uri={redirect}&response_type=code&code_challenge={CHALLENGE}&code_challenge_method=S256{}",
            self.query
        );
        let parameters = Parameters::parse(&query).ok().unwrap();
        let proved = ProvedClient::prove(&parameters, std::rc::Rc::new(self.client), ISSUER).unwrap();
        let request = AuthorizationRequest::parse(&parameters, proved, |_| false).unwrap();
        let remembered = self.remembered.map(Scopes::of_granted);
        decide(&request, self.user.as_ref(), remembered.as_ref(), &self.interaction, NOW)
    }
}

fn scopes(text: &str) -> Scopes {
    Scopes::of_granted(text)
}

fn granted(text: &str, asked: bool) -> Decision {
    Decision::Grant { scopes: scopes(text), asked }
}

fn answered(answer: Answer) -> Interaction {
    Interaction { answer: Some(("alice".to_owned(), answer)), ..Interaction::new(BEGUN) }
}

fn error(decision: &Decision) -> &'static str {
    match decision {
        Decision::Refuse(error) => error.code.code(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_user_one_signs_in() {
    let scene = Scene { user: None, ..Scene::default() };
    assert_eq!(scene.decide(), Decision::SignIn(SignInReason::NotSignedIn));
}

// Tests MCP Authorization section "Confused Deputy Problem": each client of others has the consent of its user (A12)
#[test]
fn a_client_of_somebody_elses_needs_consent() {
    assert_eq!(Scene::default().decide(), Decision::AskConsent(scopes("read")));
    let scene = Scene { remembered: Some("read write"), ..Scene::default() };
    assert_eq!(scene.decide(), granted("read", false));
    let scene = Scene { remembered: Some("write"), ..Scene::default() };
    assert_eq!(scene.decide(), Decision::AskConsent(scopes("read")), "to more than before");
    let scene = Scene { query: "&prompt=consent", remembered: Some("read"), ..Scene::default() };
    assert_eq!(scene.decide(), Decision::AskConsent(scopes("read")), "it asks for it");
}

#[test]
fn the_operators_own_client_needs_no_consent() {
    let own = || Client { first_party: true, ..public("app", "https://app.example/cb") };
    assert_eq!(Scene { client: own(), ..Scene::default() }.decide(), granted("read", false));
    let scene = Scene { client: own(), query: "&prompt=consent", ..Scene::default() };
    assert_eq!(scene.decide(), Decision::AskConsent(scopes("read")));
}

// Tests RFC 8252 section 8.6: a client that anybody can impersonate is not granted unseen
// A program on the user's machine uses the id of a client that the user knows, and gets its tokens without a page.
#[test]
fn a_redirect_that_proves_no_client_asks_each_time() {
    for redirect in ["http://127.0.0.1/cb", "com.example.app:/cb"] {
        let client = Client { first_party: true, ..public("app", redirect) };
        let scene = Scene { client, remembered: Some("read"), ..Scene::default() };
        assert_eq!(scene.decide(), Decision::AskConsent(scopes("read")), "{redirect}");
    }
}

#[test]
fn the_answer_decides_once_it_is_there() {
    let allowed = |text| answered(Answer::Allowed(scopes(text)));
    let scene = |interaction| Scene { interaction, query: "&prompt=consent", ..Scene::default() };
    assert_eq!(scene(allowed("read")).decide(), granted("read", true));
    assert_eq!(scene(allowed("")).decide(), granted("", true), "unticked");
    assert_eq!(
        scene(allowed("read admin postern:admin")).decide(),
        granted("read", true),
        "a forged form adds none"
    );
    assert_eq!(error(&scene(answered(Answer::Refused)).decide()), "access_denied");
    let another = Interaction {
        answer: Some(("bob".to_owned(), Answer::Allowed(scopes("read")))),
        ..Interaction::new(BEGUN)
    };
    assert_eq!(scene(another).decide(), Decision::AskConsent(scopes("read")), "bob's answer is not alice's");
}

// Tests OpenID Connect Core section 3.1.2.1: prompt=login and max_age demand a new sign-in
#[test]
fn a_new_sign_in_is_demanded_until_there_is_one() {
    let again = Decision::SignIn(SignInReason::Reauthenticate);
    for query in ["&prompt=login", "&max_age=0", "&max_age=100"] {
        assert_eq!(Scene { query, ..Scene::default() }.decide(), again, "{query}");
        let signed_in = Scene { query, user: Some(user(1005)), ..Scene::default() };
        assert_eq!(signed_in.decide(), Decision::AskConsent(scopes("read")), "{query}");
    }
    let scene = Scene { query: "&max_age=510", ..Scene::default() };
    assert_eq!(scene.decide(), Decision::AskConsent(scopes("read")));
    let scene = Scene { query: "&max_age=509", ..Scene::default() };
    assert_eq!(scene.decide(), again);
}

#[test]
fn an_account_is_chosen_once() {
    let query = "&prompt=select_account";
    let scene = Scene { query, ..Scene::default() };
    assert_eq!(scene.decide(), Decision::SignIn(SignInReason::SelectAccount));
    let interaction = Interaction { account_chosen: true, ..Interaction::new(BEGUN) };
    let scene = Scene { query, interaction, ..Scene::default() };
    assert_eq!(scene.decide(), Decision::AskConsent(scopes("read")));
    let scene = Scene { query, user: Some(user(1000)), ..Scene::default() };
    assert_eq!(scene.decide(), Decision::AskConsent(scopes("read")), "a sign-in is a choice");
}

// Tests OpenID Connect Core section 3.1.2.6: prompt=none shows no page
#[test]
fn prompt_none_shows_no_page() {
    let query = "&prompt=none";
    assert_eq!(error(&Scene { query, user: None, ..Scene::default() }.decide()), "login_required");
    assert_eq!(error(&Scene { query, ..Scene::default() }.decide()), "consent_required");
    let scene = Scene { query: "&prompt=none&max_age=1", ..Scene::default() };
    assert_eq!(error(&scene.decide()), "login_required");
    let scene = Scene { query, remembered: Some("read"), ..Scene::default() };
    assert_eq!(scene.decide(), granted("read", false));
}

// Tests RFC 6749 section 3.3: the granted scope is of the client and of the user
#[test]
fn a_scope_needs_client_and_user() {
    let ask = |query, remembered| Scene { query, remembered, ..Scene::default() }.decide();
    assert_eq!(ask("&scope=read+write+other", None), Decision::AskConsent(scopes("read")));
    assert_eq!(error(&ask("&scope=write", None)), "invalid_scope", "the user does not have it");
    assert_eq!(error(&ask("&scope=admin", None)), "invalid_scope", "the client may not ask for it");
    assert_eq!(ask("&scope=read+offline_access", None), Decision::AskConsent(scopes("offline_access read")));
    assert_eq!(ask("&scope=offline_access", None), Decision::AskConsent(scopes("offline_access")));
    assert_eq!(
        ask("&scope=read+offline_access", Some("read")),
        Decision::AskConsent(scopes("offline_access read"))
    );
}

#[test]
fn offline_access_needs_the_grant_type() {
    let client = Client {
        grant_types: [GrantType::AuthorizationCode].into(),
        ..public("app", "https://app.example/cb")
    };
    assert!(!client.gets_refresh_token(&scopes("offline_access")));
    let scene = Scene { client, query: "&scope=read+offline_access", ..Scene::default() };
    assert_eq!(scene.decide(), Decision::AskConsent(scopes("read")));
    let on_request = Client {
        offline_access: crate::client::OfflineAccess::OnRequest,
        ..public("app", "https://app.example/cb")
    };
    assert!(!on_request.gets_refresh_token(&scopes("read")));
    assert!(on_request.gets_refresh_token(&scopes("read offline_access")));
}
