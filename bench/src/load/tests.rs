use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::Path;

use super::*;

/// A server that gives these answers in turn, and then the last one for ever, to whatever is asked.
fn server(statuses: &'static [u16]) -> ServerProcess {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut answered = 0;
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            while stream.read(&mut [0; 1024]).is_ok_and(|read| read > 0) {
                let status = statuses.get(answered).or(statuses.last()).unwrap();
                answered += 1;
                stream.write_all(format!("HTTP/1.1 {status} X\r\nContent-Length: 2\r\n\r\nhi").as_bytes()).unwrap();
            }
        }
    });
    // The process is one that only says where to go.
    let script = format!("printf '{address}\\tCookie: id=1\\n'; cat; : fake");
    ServerProcess::start(Path::new("/bin/sh"), &["-c", &script]).unwrap()
}

#[tokio::test]
async fn a_guard_that_welcomes_strangers_is_not_measured() {
    let open = Load::on(server(&[200]), Request::get("Cookie: id=1"), 0).await.unwrap();
    let error = open.with_stranger(Stranger::Refused).await.unwrap_err();
    assert!(error.to_string().contains("answered 200 without a token; 401 was expected"), "{error}");
}

#[tokio::test]
async fn a_guard_that_refuses_its_own_token_is_not_measured() {
    let error = Load::on(server(&[401]), Request::get("Cookie: id=1"), 0).await.unwrap_err();
    assert!(error.to_string().contains("answered 401 to the request of this bench"), "{error}");
}

#[tokio::test]
async fn errors_are_not_counted_as_answers() {
    let mut load = Load::on(server(&[200, 200, 500]), Request::get(""), 0).await.unwrap();
    load.connections.push(Connection::open("fake", load.server.address).await.unwrap());
    let error = load.run(3).await.unwrap_err();
    assert!(error.to_string().contains("answered 500 under load"), "{error}");
}
