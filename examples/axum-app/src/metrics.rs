//! The numbers of `auth-core`, and whatever the app counts by `metrics`, as Prometheus reads them: on a listener of its
//! own, which the port for everybody does not lead to.

use std::error::Error;
use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use tokio::net::TcpListener;

/// Upper bounds in seconds: a look into the store takes less than one millisecond, a password hash tens of them.
const BUCKETS: [f64; 13] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
/// What is measured waits in memory until it is asked for, or so long.
const UPKEEP: Duration = Duration::from_secs(5);

/// Counts from here on, and listens at `METRICS_ADDRESS`.
pub(crate) async fn serve() -> Result<(), Box<dyn Error>> {
    let recorded = PrometheusBuilder::new().set_buckets(&BUCKETS)?.install_recorder()?;
    let address = std::env::var("METRICS_ADDRESS").unwrap_or_else(|_| "127.0.0.1:9090".to_owned());
    let address: SocketAddr = address.parse().map_err(|_| {
        format!("METRICS_ADDRESS: `{address}` cannot be read: write an address and a port, 127.0.0.1:9090")
    })?;
    let listener = TcpListener::bind(address).await.map_err(|error| {
        format!("METRICS_ADDRESS: nobody can listen on {address}: name another address and port ({error})")
    })?;
    println!("numbers for Prometheus at http://{}/metrics", listener.local_addr()?);
    let shown = recorded.clone();
    let app = Router::new().route("/metrics", get(async move || shown.render()));
    tokio::spawn(keep_up(recorded));
    tokio::spawn(axum::serve(listener, app).into_future());
    Ok(())
}

async fn keep_up(recorded: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        recorded.run_upkeep();
    }
}
