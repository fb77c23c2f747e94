//! The floor that every figure stands on: a bare hyper server that reads the whole body and answers 200 fixed bytes. What
//! it costs is what HTTP and the kernel cost; it must never learn anything about authorizations.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::allocations;
use crate::problem::Problem;
use crate::report;

/// The answer's body: 200 bytes, as long as a platform's answer.
const ANSWER: &[u8; 200] = b"{\"jit_funding\":{\"token\":\"00000000-0000-4000-8000-000000000000\",\
\"method\":\"pgfs.authorization\",\"user_token\":\"user-of-the-floor\",\
\"acting_user_token\":\"user-of-the-floor\",\"amount\":1000000.00}}             ";

/// Serves until standard input closes or a signal asks for the end; prints the bound address first, as one line of JSON.
///
/// # Errors
/// The address cannot be bound, or standard output is gone.
pub async fn run(listen: SocketAddr) -> Result<(), Problem> {
    let listener = TcpListener::bind(listen).await.map_err(Problem::doing(format!("listening on {listen}")))?;
    let bound = listener.local_addr().map_err(Problem::doing("reading the bound address"))?;
    let mut terminated = signal(SignalKind::terminate()).map_err(Problem::doing("waiting for SIGTERM"))?;
    report::line(&serde_json::json!({ "listen": bound.to_string() }).to_string())?;
    tokio::select! {
        () = serve(listener) => {}
        () = standard_input_closed() => {}
        _ = terminated.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    Ok(())
}

/// Serves for as long as it is polled.
pub async fn serve(listener: TcpListener) {
    loop {
        // A connection that cannot be accepted is the caller's to miss: the generator counts it.
        let Ok((stream, _)) = listener.accept().await else { continue };
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let connection = http1::Builder::new().pipeline_flush(true).serve_connection(TokioIo::new(stream), service_fn(answer));
        tokio::spawn(async move {
            // How a connection ends says nothing about what its requests cost.
            let _ = connection.await;
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    if request.method() == Method::GET && request.uri().path() == "/allocations" {
        return Ok(tell_allocations());
    }
    let mut body = request.into_body();
    while let Some(Ok(_)) = body.frame().await {}
    Ok(Response::new(Full::new(Bytes::from_static(ANSWER))))
}

fn tell_allocations() -> Response<Full<Bytes>> {
    match allocations::so_far() {
        Some(count) => Response::new(Full::new(Bytes::from(serde_json::json!({ "allocations": count }).to_string()))),
        None => {
            let mut response = Response::new(Full::new(Bytes::from_static(b"built without the feature count-allocations\n")));
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

/// Standard input is read on a thread of its own, because a read of it cannot be cancelled.
async fn standard_input_closed() {
    let (closed, wait) = oneshot::channel::<()>();
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(closed);
    });
    let _ = wait.await;
}
