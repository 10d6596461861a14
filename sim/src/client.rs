//! What a client program does: build requests, and read answers.

use core::{cell::RefCell, fmt::Write as _};
use std::rc::Rc;

use postern_app::http::{PlainRequest, Reply};
use serde_json::Value;

use crate::{
    judge,
    ledger::{self, Access},
    machine::START,
    settings::{LASTING_SOCKET, SOCKET},
    world::{Answer, Answered, Ask, World},
};

const ORIGIN: &str = "http://localhost:8787";
/// How long a client waits for an answer: rule 4 of the rules for clients has it give up within the reuse interval.
const PATIENCE: u64 = 9000;

/// The stable code of a problem, or an empty text.
pub(crate) fn code(reply: &Reply) -> String {
    let body: Option<Value> = serde_json::from_slice(&reply.body).ok();
    let named = body.as_ref().and_then(|body| body.get("code").or_else(|| body.get("error")));
    named.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// A program on a device, and where it is.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) region: usize,
    ip: String,
    agent: &'static str,
}

/// What a call came to.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Got {
    /// 2xx, with its body.
    Done(Value),
    /// Another status, with the stable code.
    Refused(u16, String),
    /// No answer, or one that asks to come again.
    Later,
}

/// The tokens of an answer.
pub(crate) struct Pair {
    pub(crate) access: Access,
    pub(crate) refresh: String,
}

impl Device {
    pub(crate) fn new(world: &World, name: &str) -> Self {
        let region = world.dice.below(crate::world::REGIONS);
        let ip = format!("10.{}.{}.{}", world.dice.below(250), world.dice.below(250), world.dice.below(250));
        let agents = [
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "App/3.1 (iPhone; iOS 19.0)",
            "okhttp/5.0",
        ];
        Self { name: name.to_owned(), region, ip, agent: agents[world.dice.below(3)] }
    }

    fn request(&self, method: &str, path: &str, token: Option<&str>) -> PlainRequest {
        let mut request = PlainRequest::new(method, &format!("{ORIGIN}{path}"))
            .with("cf-connecting-ip", &self.ip)
            .with("user-agent", self.agent);
        if let Some(token) = token {
            request = request.with("authorization", &format!("Bearer {token}"));
        }
        request
    }

    /// A call of our own API.
    pub(crate) async fn call(
        &self,
        world: &Rc<World>,
        method: &str,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> (Got, Answered) {
        let mut request = self.request(method, path, token);
        let body = if body.is_null() {
            Vec::new()
        } else {
            request = request.with("content-type", "application/json");
            body.to_string().into_bytes()
        };
        let answered = self.send(world, Ask::Own(request, body)).await;
        let got = judged(world, &answered, &format!("{method} {path}"));
        (got, answered)
    }

    /// A form posted to one of OAuth's endpoints, by a client with this secret or without one.
    pub(crate) async fn form(
        &self,
        world: &Rc<World>,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (Got, Answered) {
        let request =
            self.request("POST", path, None).with("content-type", "application/x-www-form-urlencoded");
        let answered = self.send(world, Ask::Own(request, form(fields).into_bytes())).await;
        (judged(world, &answered, &format!("POST {path}")), answered)
    }

    /// A page of ours, with the cookies of a browser. `form` is posted. `None`: no answer.
    pub(crate) async fn page(
        &self,
        world: &Rc<World>,
        method: &str,
        address: &str,
        cookies: &RefCell<Vec<(String, String)>>,
        form: Option<&str>,
    ) -> Option<(Reply, Answered)> {
        let jar: Vec<String> =
            cookies.borrow().iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut request = self.request(method, address, None);
        if !jar.is_empty() {
            request = request.with("cookie", &jar.join("; "));
        }
        if form.is_some() {
            request =
                request.with("content-type", "application/x-www-form-urlencoded").with("origin", ORIGIN);
        }
        let body = form.unwrap_or_default().as_bytes().to_vec();
        let answered = self.send(world, Ask::Own(request, body)).await;
        let Answer::Reply(reply) = &answered.answer else { return None };
        let reply = reply.clone();
        let path = address.split('?').next().unwrap_or_default();
        judge::reply(world, &reply, &answered, &format!("{method} {path}"));
        for (_, line) in reply.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")) {
            let Some((pair, attributes)) = line.split_once(';') else { continue };
            let Some((name, value)) = pair.split_once('=') else { continue };
            let mut jar = cookies.borrow_mut();
            jar.retain(|(known, _)| known != name);
            if !attributes.contains("Max-Age=0") {
                jar.push((name.to_owned(), value.to_owned()));
            }
        }
        Some((reply, answered))
    }

    async fn send(&self, world: &Rc<World>, ask: Ask) -> Answered {
        world.send(&self.name, self.region, ask, PATIENCE).await
    }

    /// A request for a route of the gate; judged with the token.
    pub(crate) async fn visit(&self, world: &Rc<World>, path: &'static str, access: &Access) -> Option<bool> {
        let request = self.request("GET", path, Some(&access.token));
        let answered = self.send(world, Ask::Gate(request)).await;
        judge::gate(world, path, access, &answered);
        match &answered.answer {
            Answer::Forwarded | Answer::Opened(_) => Some(true),
            Answer::Reply(reply) if reply.status < 500 && reply.status != 429 => Some(false),
            _ => None,
        }
    }

    /// Opens a WebSocket, which `sockets` watches from then on.
    pub(crate) async fn open(&self, world: &Rc<World>, access: &Access) {
        let route = if world.dice.percent(50) { SOCKET } else { LASTING_SOCKET };
        let request = self.request("GET", route, Some(&access.token)).with("upgrade", "websocket");
        let answered = self.send(world, Ask::Gate(request)).await;
        judge::gate(world, route, access, &answered);
        if let Answer::Opened(socket) = &answered.answer {
            socket.opened_with(access.clone(), route == SOCKET);
        }
    }

    /// A request with a token of another issuer. The status, 200 when it was forwarded.
    pub(crate) async fn visit_with(
        &self,
        world: &Rc<World>,
        path: &'static str,
        token: &str,
    ) -> (Option<u16>, Answered) {
        let request = self.request("GET", path, Some(token));
        let answered = self.send(world, Ask::Gate(request)).await;
        let status = match &answered.answer {
            Answer::Forwarded | Answer::Opened(_) => Some(200),
            Answer::Reply(reply) => Some(reply.status),
            Answer::Nothing => None,
        };
        (status, answered)
    }
}

/// What an answer of ours comes to for its client.
fn judged(world: &World, answered: &Answered, what: &str) -> Got {
    let Answer::Reply(reply) = &answered.answer else { return Got::Later };
    judge::reply(world, reply, answered, what);
    match reply.status {
        200..=299 => Got::Done(serde_json::from_slice(&reply.body).unwrap_or_default()),
        429 | 500..=599 => Got::Later,
        // The former version may have no such call.
        404 if answered.begun < world.older_until.get() => Got::Later,
        status => Got::Refused(status, code(reply)),
    }
}

/// A form, encoded.
pub(crate) fn form(fields: &[(&str, &str)]) -> String {
    let encoded = |text: &str| {
        text.bytes().fold(String::new(), |mut encoded, byte| {
            let _ = write!(encoded, "%{byte:02X}");
            encoded
        })
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    pairs.join("&")
}

/// The refresh token in the body of a call, which is JSON or a form.
pub(crate) fn refresh_token_in(body: &[u8]) -> Option<String> {
    if let Ok(body) = serde_json::from_slice::<Value>(body) {
        return body["refresh_token"].as_str().map(str::to_owned);
    }
    let pairs = core::str::from_utf8(body).ok()?.split('&');
    let encoded = pairs.into_iter().find_map(|pair| pair.strip_prefix("refresh_token="))?;
    let bytes = encoded.split('%').skip(1).map(|byte| u8::from_str_radix(byte, 16).ok());
    String::from_utf8(bytes.collect::<Option<_>>()?).ok()
}

/// The pair of tokens in an answer of a sign-in or a refresh.
pub(crate) fn pair(world: &World, body: &Value, answered: &Answered) -> Option<Pair> {
    let refresh = body["refresh_token"].as_str()?.to_owned();
    let token = body["access_token"].as_str()?.to_owned();
    let (header, claims) = ledger::read(&token)?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let sid = text(&claims["sid"]);
    let known = world.ledger.sessions.borrow().get(&sid).map(|known| known.signed_in).filter(|at| *at > 0);
    let by_claim =
        claims["auth_time"].as_u64().unwrap_or_default().saturating_mul(1000).saturating_sub(START);
    let signed_in = known.unwrap_or(by_claim);
    let expires = claims["exp"].as_u64()?.saturating_mul(1000).saturating_sub(START);
    let access = Access {
        sub: text(&claims["sub"]),
        client: text(&claims["client_id"]),
        kid: text(&header["kid"]),
        jti: text(&claims["jti"]),
        expires,
        signed_in,
        is_grant: false,
        is_off: judge::is_clock_wrong(answered.machine.as_ref()) || world.ledger.is_off(&sid),
        token,
        sid,
    };
    Some(Pair { access, refresh })
}
