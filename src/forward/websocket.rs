//! An open WebSocket that a rule may close: both of its ends are held here, and messages go
//! from one to the other as the very values that the platform gives.

use core::{
    cell::{Cell, RefCell},
    time::Duration,
};
use std::rc::Rc;

use js_sys::{Function, Reflect};
use wasm_bindgen::{JsCast, JsValue, closure::Closure};
use wasm_bindgen_futures::spawn_local;
use web_sys::{Response, ResponseInit};

use super::super::{
    js::{self, Socket, SocketPair},
    platform::EdgePorts,
};
use postern_app::service::{Service, SocketVerdict, SocketWatch};

/// No code came with the close frame, and none may be sent for it (RFC 6455 section 7.4.1).
const NO_STATUS: u16 = 1005;
/// There was no close frame: the connection broke. May not be sent either.
const ABNORMAL: u16 = 1006;
/// What a client is told when the upstream broke off: "Bad Gateway" in IANA's registry.
const BAD_GATEWAY: u16 = 1014;
/// What an upstream is told when the client broke off.
const GOING_AWAY: u16 = 1001;

/// Both ends of one open socket.
struct Open {
    service: Service<EdgePorts>,
    watch: SocketWatch,
    client: Socket,
    upstream: Socket,
    ended: Cell<bool>,
    timer: RefCell<JsValue>,
}

/// The upstream's end of the socket that a response brings, if it brings one.
pub(super) fn of(response: &Response) -> Option<Socket> {
    let socket = Reflect::get(response, &"webSocket".into()).ok()?;
    (!socket.is_null() && !socket.is_undefined()).then(|| socket.unchecked_into())
}

/// The answer that hands the client its end, the other kept here.
pub(super) fn watched(
    service: &Service<EdgePorts>,
    response: &Response,
    upstream: Socket,
    watch: &SocketWatch,
) -> Result<Response, JsValue> {
    let pair = SocketPair::new();
    let [theirs, ours] = [0, 1].map(|index| Reflect::get_u32(&pair, index));
    let init = ResponseInit::new();
    init.set_status(101);
    // The subprotocol that the upstream chose is in them.
    init.set_headers(&response.headers());
    Reflect::set(&init, &"webSocket".into(), &theirs?)?;
    let open = Rc::new(Open {
        service: service.clone(),
        watch: watch.clone(),
        client: ours?.unchecked_into(),
        upstream,
        ended: Cell::new(false),
        timer: RefCell::new(JsValue::UNDEFINED),
    });
    // Half open: a close frame is answered when it was passed on, not before.
    let options = js::object(&[("allowHalfOpen", true.into())]).into();
    for end in [&open.client, &open.upstream] {
        end.accept(&options)?;
        // A `Blob`, the default, can't be sent on without waiting for it.
        end.set_binary_type("arraybuffer");
    }
    Open::listen(&open, |open| (&open.client, &open.upstream), GOING_AWAY);
    Open::listen(&open, |open| (&open.upstream, &open.client), BAD_GATEWAY);
    open.next(service.first_look(watch));
    Response::new_with_opt_str_and_init(None, &init)
}

impl Open {
    /// Passes on what one end says; `broken` is what the other is told when it breaks off.
    fn listen(open: &Rc<Self>, ends: fn(&Self) -> (&Socket, &Socket), broken: u16) {
        let (from, _) = ends(open);
        let this = Rc::clone(open);
        let message = move |event: JsValue| {
            let (_, to) = ends(&this);
            if let Ok(content) = Reflect::get(&event, &"data".into()) {
                // An end that is closing takes no more; its close event follows.
                let _ = to.send(&content);
            }
        };
        from.add_event_listener("message", &function(message));
        let this = Rc::clone(open);
        let close = move |event: JsValue| {
            let (from, to) = ends(&this);
            let code = Reflect::get(&event, &"code".into()).ok().and_then(|code| code.as_f64());
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a code has 16 bits")]
            let code = code.map_or(NO_STATUS, |code| code as u16);
            let reason = Reflect::get(&event, &"reason".into()).ok().and_then(|reason| reason.as_string());
            this.end();
            let reason = reason.unwrap_or_default();
            match code {
                NO_STATUS => {
                    let _ = (to.close_plain(), from.close_plain());
                }
                ABNORMAL => {
                    let _ = to.close(broken, "");
                }
                code => {
                    let _ = (to.close(code, &reason), from.close(code, &reason));
                }
            }
        };
        from.add_event_listener("close", &function(close));
        let this = Rc::clone(open);
        let error = move |_: JsValue| {
            this.end();
            let _ = ends(&this).1.close(broken, "");
        };
        from.add_event_listener("error", &function(error));
    }

    fn end(&self) {
        self.ended.set(true);
        js::clear_timeout(&self.timer.borrow());
    }

    /// Waits or closes.
    fn next(self: &Rc<Self>, verdict: SocketVerdict) {
        match verdict {
            _ if self.ended.get() => {}
            SocketVerdict::Keep(wait) => self.look_after(wait),
            SocketVerdict::Close(code, reason) => {
                self.end();
                for end in [&self.client, &self.upstream] {
                    let _ = end.close(code, reason);
                }
            }
        }
    }

    /// By timer and not by a future that sleeps: when the request is over, the platform forgets
    /// its timers, and a future would be left behind in memory.
    fn look_after(self: &Rc<Self>, wait: Duration) {
        let this = Rc::clone(self);
        let look = Closure::once_into_js(move || {
            spawn_local(async move {
                let verdict = this.service.look_at_socket(&this.watch).await;
                this.next(verdict);
            });
        });
        *self.timer.borrow_mut() = js::set_timeout(look.unchecked_ref(), js::millis(wait));
    }
}

/// Freed by JavaScript's garbage collector together with the socket that holds it.
fn function(work: impl FnMut(JsValue) + 'static) -> Function {
    Closure::<dyn FnMut(JsValue)>::new(work).into_js_value().unchecked_into()
}
