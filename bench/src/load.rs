//! Requests to one server, over connections that stay open.

use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::client::{Connection, Request};
use crate::failure::Failure;
use crate::process::ServerProcess;

/// A server under load, always with the same request.
#[derive(Debug)]
pub(crate) struct Load {
    server: ServerProcess,
    request: Request,
    connections: Vec<Connection>,
}

/// What one request took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cost {
    /// Of the server's processor.
    pub(crate) processor: f64,
    /// On the wall, with all connections at work: the inverse of a rate.
    pub(crate) wall: f64,
}

/// What a server answers to somebody without a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    Welcome,
    Refused,
}

impl Load {
    /// Opens the connections, and sees that the request is answered.
    pub(crate) async fn on(server: ServerProcess, request: Request, connections: usize) -> Result<Self, Failure> {
        let mut open = Vec::with_capacity(connections);
        for _ in 0..connections {
            open.push(Connection::open(&server.name, server.address).await?);
        }
        let load = Self { server, request, connections: open };
        load.expect(&load.request, 200, "to the request of this bench").await?;
        Ok(load)
    }

    /// Sees that a guard is one, and a bare server is none.
    pub(crate) async fn with_stranger(self, stranger: Stranger) -> Result<Self, Failure> {
        let expected = if stranger == Stranger::Refused { 401 } else { 200 };
        self.expect(&Request::get(""), expected, "without a token").await?;
        Ok(self)
    }

    async fn expect(&self, request: &Request, expected: u16, when: &'static str) -> Result<(), Failure> {
        let status = Connection::open(&self.server.name, self.server.address).await?.send(request).await?;
        check(&self.server.name, status, expected, when)
    }

    /// Sends `requests` of them in all, and says what one took. Every answer must be good.
    pub(crate) async fn run(&mut self, requests: usize) -> Result<Cost, Failure> {
        let each = requests.div_ceil(self.connections.len());
        let sent = each * self.connections.len();
        let before = self.server.processor_time()?;
        let started = Instant::now();
        let mut running = JoinSet::new();
        for mut connection in self.connections.drain(..) {
            let (request, server) = (self.request.clone(), self.server.name.clone());
            running.spawn(async move {
                for _ in 0..each {
                    check(&server, connection.send(&request).await?, 200, "under load")?;
                }
                Ok::<_, Failure>(connection)
            });
        }
        while let Some(connection) = running.join_next().await {
            self.connections.push(connection??);
        }
        let wall = started.elapsed();
        let processor = self.server.processor_time()?.saturating_sub(before);
        let each = |time: Duration| time.as_secs_f64() / sent as f64;
        Ok(Cost { processor: each(processor), wall: each(wall) })
    }
}

fn check(server: &str, status: u16, expected: u16, when: &'static str) -> Result<(), Failure> {
    if status == expected {
        return Ok(());
    }
    Err(Failure::Status { server: server.to_owned(), when, status, expected })
}

#[cfg(test)]
mod tests;
