//! An open WebSocket that a rule may close. `socket.js` holds its two ends and asks here when to
//! close them; here is what the socket is held to, and nothing that JavaScript could not free.

use core::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::{JsValue, closure::Closure};

use crate::{js, ports::WorkerPorts};
use postern_app::service::{OpenSocket, Service, SocketVerdict, SocketWatch};

/// The socket opens: the verdict.
const FIRST: u8 = 0;
/// The time of the verdict is over: the promise of the next one.
const NOW: u8 = 1;
/// It was closed because an end did not read.
const OVERRUN: u8 = 3;

/// Looks at a socket, for JavaScript. Whatever else it is called with, the socket has ended: what is
/// held here is freed. The function itself is freed together with the socket that holds it.
pub(super) fn look(service: &Service<WorkerPorts>, watch: &SocketWatch) -> JsValue {
    let held = RefCell::new(Some(Rc::new((service.clone(), service.opened(watch)))));
    let look: Box<dyn Fn(u8) -> JsValue> = Box::new(move |what| {
        let Some(open) = held.borrow().clone() else { return JsValue::UNDEFINED };
        let (service, socket) = &*open;
        match what {
            FIRST => shown(service.first_look(socket)),
            NOW => next(open),
            OVERRUN => {
                service.socket_overrun(socket);
                JsValue::UNDEFINED
            }
            _ => {
                held.take();
                JsValue::UNDEFINED
            }
        }
    });
    Closure::wrap(look).into_js_value()
}

fn next(open: Rc<(Service<WorkerPorts>, OpenSocket)>) -> JsValue {
    let ctx = open.0.ports().ctx().clone();
    let verdict = js::promise(Box::pin(async move { Ok(shown(open.0.look_at_socket(&open.1).await)) }));
    // When the client goes meanwhile, the platform forgets what it does not wait for, and the future
    // would be left behind.
    ctx.wait_until(&verdict);
    verdict.into()
}

/// How long to wait, in milliseconds; or the code and the reason to close with.
fn shown(verdict: SocketVerdict) -> JsValue {
    match verdict {
        SocketVerdict::Keep(wait) => js::millis(wait).into(),
        SocketVerdict::Close(code, reason) => format!("{code} {reason}").into(),
    }
}
