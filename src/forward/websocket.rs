//! An open WebSocket that a `websocket` rule may close. `socket.js` holds its two ends, and calls this module to learn
//! when to close them. This module holds the rule, in memory that JavaScript can free.

use core::cell::RefCell;
use std::rc::Rc;

use wasm_bindgen::{JsValue, closure::Closure};

use crate::{js, ports::WorkerPorts};
use postern_app::service::{OpenSocket, Service, SocketVerdict, SocketWatch};

/// The socket opens. The answer is the first verdict.
const FIRST: u8 = 0;
/// The time of the last verdict is over. The answer is a promise of the next verdict.
const NOW: u8 = 1;
/// The socket was closed because one end did not read.
const OVERRUN: u8 = 3;

/// The function by which `socket.js` checks a socket. An argument other than these constants means that the socket has
/// ended, and frees what the function holds. The function itself is freed with the socket that holds it.
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
    // If the client goes away meanwhile, the platform drops promises that nothing waits for, and the future would stay
    // in memory.
    ctx.wait_until(&verdict);
    verdict.into()
}

/// The time to wait in milliseconds, or the code and the reason to close the socket with.
fn shown(verdict: SocketVerdict) -> JsValue {
    match verdict {
        SocketVerdict::Keep(wait) => js::millis(wait).into(),
        SocketVerdict::Close(code, reason) => format!("{code} {reason}").into(),
    }
}
