//! Reads one header and answers: what any Worker in Rust costs at least.

#[cfg(not(feature = "usual"))]
mod bare {
    use wasm_bindgen::{JsValue, prelude::wasm_bindgen};
    use web_sys::{Request, Response, ResponseInit};

    /// Links `worker`, whose shim brings the recovery from a panic.
    #[worker::event(start)]
    fn start() {}

    #[wasm_bindgen]
    pub fn fetch(request: Request, _env: JsValue, _ctx: JsValue) -> Result<Response, JsValue> {
        if request.headers().get("authorization")?.is_some() {
            return Response::new_with_opt_str(Some("ok"));
        }
        let init = ResponseInit::new();
        init.set_status(401);
        Response::new_with_opt_str_and_init(Some("no"), &init)
    }
}

#[cfg(feature = "usual")]
mod usual {
    use worker::{Context, Env, Request, Response, Result, event};

    #[event(fetch)]
    async fn fetch(request: Request, _env: Env, _ctx: Context) -> Result<Response> {
        match request.headers().get("authorization")? {
            Some(_) => Response::ok("ok"),
            None => Response::error("no", 401),
        }
    }
}
