//! The tower layer.

use core::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
use std::sync::Arc;

use http::{Method, Request, Response};
use tower_layer::Layer;
use tower_service::Service;

use crate::{FetchKeys, Refusal, SettingsError, Verifier};

type OnRefused = Arc<dyn Fn(&Refusal) + Send + Sync>;

/// Lets requests with a good token pass, with their [`Caller`](crate::Caller) among the extensions, and answers the others.
#[derive(Clone)]
pub struct RequireCaller<F> {
    verifier: Verifier<F>,
    health: Arc<[String]>,
    on_refused: Option<OnRefused>,
}

impl<F> core::fmt::Debug for RequireCaller<F> {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.debug_struct("RequireCaller").field("health", &self.health).finish_non_exhaustive()
    }
}

impl<F: FetchKeys> RequireCaller<F> {
    /// With this verifier.
    pub fn new(verifier: Verifier<F>) -> Self {
        Self { verifier, health: Arc::new([]), on_refused: None }
    }

    /// The same, with paths that `GET` and `HEAD` reach without a caller. Each is compared as a whole.
    pub fn health<P: Into<String>>(self, paths: impl IntoIterator<Item = P>) -> Result<Self, SettingsError> {
        let health: Arc<[String]> = paths.into_iter().map(Into::into).collect();
        if health.iter().any(|path| !path.starts_with('/') || path.contains(['*', '?', '#'])) {
            return Err(SettingsError::Health);
        }
        Ok(Self { health, ..self })
    }

    /// The same, which calls this with each refusal, for your log.
    #[must_use]
    pub fn on_refused(self, log: impl Fn(&Refusal) + Send + Sync + 'static) -> Self {
        Self { on_refused: Some(Arc::new(log)), ..self }
    }

    fn is_health<B>(&self, request: &Request<B>) -> bool {
        let path = request.uri().path();
        matches!(*request.method(), Method::GET | Method::HEAD)
            && self.health.iter().any(|known| known == path)
    }
}

impl<F: Clone, S> Layer<S> for RequireCaller<F> {
    type Service = Guarded<F, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Guarded { rule: self.clone(), inner }
    }
}

/// A service that known callers alone reach.
#[derive(Debug, Clone)]
pub struct Guarded<F, S> {
    rule: RequireCaller<F>,
    inner: S,
}

impl<F, S, B, R> Service<Request<B>> for Guarded<F, S>
where
    F: FetchKeys + Clone,
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: From<String>,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        // The service that is ready is the one to call; its clone need not be.
        let next = self.inner.clone();
        let mut inner = core::mem::replace(&mut self.inner, next);
        let rule = self.rule.clone();
        Box::pin(async move {
            if !rule.is_health(&request) {
                let headers = core::mem::take(request.headers_mut());
                let (method, uri) = (request.method().clone(), request.uri().clone());
                let verdict = rule.verifier.verify(&method, &uri, &headers).await;
                *request.headers_mut() = headers;
                match verdict {
                    Ok(caller) => {
                        request.extensions_mut().insert(caller);
                    }
                    Err(refusal) => {
                        if let Some(log) = &rule.on_refused {
                            log(&refusal);
                        }
                        return Ok(refusal.to_response());
                    }
                }
            }
            inner.call(request).await
        })
    }
}
