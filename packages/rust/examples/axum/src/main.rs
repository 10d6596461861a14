//! An axum origin that verified callers alone reach.
//!
//!     ISSUER=https://auth.example.com AUDIENCE=https://orders.internal.example.com LISTEN=127.0.0.1:3000 cargo run

use std::{env, time::Duration};

use axum::{Extension, Router, routing::get};
use postern_origin::{Caller, FetchError, FetchKeys, Fetched, RequireCaller, Verifier};
use reqwest::{StatusCode, header};

/// The HTTP client that fetches Postern's key set.
#[derive(Clone)]
struct Client(reqwest::Client);

impl FetchKeys for Client {
    async fn fetch(&self, url: &str) -> Result<Fetched, FetchError> {
        let answer = self.0.get(url).send().await?;
        if answer.status() != StatusCode::OK {
            return Err(format!("status {}", answer.status()).into());
        }
        let text = |name| answer.headers().get(name).and_then(|value| Some(value.to_str().ok()?.to_owned()));
        let (cache_control, age) = (text(header::CACHE_CONTROL), text(header::AGE));
        Ok(Fetched { body: answer.bytes().await?.to_vec(), cache_control, age })
    }
}

async fn orders(Extension(caller): Extension<Caller>) -> String {
    caller.key()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(Duration::from_secs(5))
        .build()?;
    let verifier = Verifier::assertions(&env::var("ISSUER")?, [env::var("AUDIENCE")?], Client(client))?;
    // Where the issuer's host is not where the key set is: in this machine's tests.
    let verifier = match env::var("KEYS") {
        Ok(url) => verifier.keys_at(&url)?,
        Err(_) => verifier,
    };
    let layer = RequireCaller::new(verifier)
        .health(["/healthz"])?
        .on_refused(|refusal| eprintln!("refused: {refusal}"));
    let app = Router::new()
        .route("/orders", get(orders))
        .route("/healthz", get(|| async { "ok" }))
        .layer(layer);
    let listener = tokio::net::TcpListener::bind(env::var("LISTEN")?).await?;
    println!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}
