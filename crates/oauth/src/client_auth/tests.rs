use super::*;
use crate::testing::clients;

fn by(header: Option<&str>, body: &str) -> Result<String, &'static str> {
    let parameters = Parameters::parse(body).ok().unwrap();
    let proved = Credentials::read(header, &parameters).and_then(|credentials| {
        let client = clients().find(credentials.client_id()).cloned().ok_or_else(refused)?;
        credentials.prove(client)
    });
    proved.map(|client| client.client().client_id.clone()).map_err(|error| error.code.code())
}

fn encoded(text: &str) -> String {
    format!("Basic {}", Base64::encode_string(text.as_bytes()))
}

// Tests RFC 6749 section 2.3.1: a secret comes in Authorization or in the body
#[test]
fn a_client_authenticates_in_its_way() {
    assert_eq!(by(None, "client_id=app"), Ok("app".to_owned()));
    assert_eq!(by(None, "client_id=server&client_secret=s3cret"), Ok("server".to_owned()));
    assert_eq!(by(Some(&encoded("server:s3cret")), ""), Ok("server".to_owned()));
    assert_eq!(by(Some(&encoded("server:s3cret")), "client_id=server"), Ok("server".to_owned()));
    assert_eq!(by(Some(&encoded("server:n%2Bw")), ""), Ok("server".to_owned()), "the second, form-encoded");
    assert_eq!(by(Some(&encoded("server:s3cret").replace("Basic", "bAsIc ")), ""), Ok("server".to_owned()));
}

#[test]
fn a_client_that_proves_nothing_is_refused() {
    for body in [
        "",
        "client_id=",
        "client_id=unknown",
        "client_id=server",
        "client_id=server&client_secret=",
        "client_id=server&client_secret=S3cret",
        "client_id=server&client_secret=s3cret%20",
        "client_id=app&client_secret=s3cret",
    ] {
        assert_eq!(by(None, body), Err("invalid_client"), "{body}");
    }
    for header in [
        "Basic",
        "Basic ",
        "Basic !!!",
        "Bearer abc",
        &encoded("server"),
        &encoded("server:"),
        &encoded(":s3cret"),
        &encoded("app:"),
        &encoded("app:x"),
        &encoded("server:n+w"),
        &encoded("server:%zz"),
        &encoded(&format!("server:{}", "x".repeat(2048))),
    ] {
        assert_eq!(by(Some(header), ""), Err("invalid_client"), "{header}");
    }
}

// Tests RFC 6749 section 2.3: a client does not authenticate in two ways
#[test]
fn a_request_authenticates_in_one_way() {
    let header = encoded("server:s3cret");
    assert_eq!(by(Some(&header), "client_id=server&client_secret=s3cret"), Err("invalid_request"));
    assert_eq!(by(Some(&header), "client_id=app"), Err("invalid_request"), "confused clients");
    assert_eq!(by(None, "client_id=app&client_id=app"), Err("invalid_request"));
    assert_eq!(
        by(None, "client_id=server&client_secret=s3cret&client_secret=s3cret"),
        Err("invalid_request")
    );
}

#[test]
fn a_secret_does_not_show_in_debug_output() {
    assert!(format!("{:?}", clients()).contains("SecretDigest(..)"));
}
