//! A client that writes raw bytes and reads the responses.

use super::soon;
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

pub(super) struct Client<T> {
    pub(super) stream: T,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) status: u16,
    /// Names in lower case, in the order of arrival.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

pub(super) async fn connect(address: SocketAddr) -> Client<TcpStream> {
    Client { stream: soon("connect", TcpStream::connect(address)).await.unwrap() }
}

/// Connects from another address of this machine, which is another client to the server. Small receive buffer.
pub(super) async fn connect_from(own: &str, address: SocketAddr) -> Client<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(64 * 1024).unwrap();
    socket.bind(format!("{own}:0").parse().unwrap()).unwrap();
    Client { stream: soon("connect", socket.connect(address)).await.unwrap() }
}

/// One request on a connection of its own.
pub(super) async fn get(address: SocketAddr, path: &str) -> Reply {
    connect(address).await.ask("GET", path, "").await
}

impl<T: AsyncRead + AsyncWrite + Unpin> Client<T> {
    pub(super) async fn send(&mut self, text: &str) {
        soon("send", self.stream.write_all(text.as_bytes())).await.unwrap();
        soon("flush", self.stream.flush()).await.unwrap();
    }

    /// Sends a request; `headers` are complete lines with their line ends.
    pub(super) async fn ask(&mut self, method: &str, path: &str, headers: &str) -> Reply {
        self.send(&format!("{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n")).await;
        self.reply(method == "HEAD").await.unwrap()
    }

    /// Reads the final response, without a body after `HEAD`. Interim responses are skipped.
    pub(super) async fn reply(&mut self, head_alone: bool) -> io::Result<Reply> {
        loop {
            let reply = self.next_reply(head_alone).await?;
            if reply.status >= 200 {
                return Ok(reply);
            }
        }
    }

    /// Reads the next response, interim or final.
    pub(super) async fn next_reply(&mut self, head_alone: bool) -> io::Result<Reply> {
        soon("an answer", async {
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(self.stream.read_u8().await?);
            }
            let head = String::from_utf8(head).unwrap();
            let mut lines = head.trim_end().lines();
            let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
            let headers: Vec<(String, String)> = lines
                .map(|line| line.split_once(": ").unwrap())
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect();
            let mut reply = Reply { status, headers, body: Vec::new() };
            if !head_alone {
                reply.body.resize(reply.header("content-length").unwrap_or("0").parse().unwrap(), 0);
                self.stream.read_exact(&mut reply.body).await?;
            }
            Ok(reply)
        })
        .await
    }

    /// Reads until the server closes or resets the connection; returns how many bytes came.
    pub(super) async fn rest(&mut self) -> usize {
        soon("the end of the connection", async {
            let (mut buffer, mut total) = (vec![0; 64 * 1024], 0);
            while let Ok(length @ 1..) = self.stream.read(&mut buffer).await {
                total += length;
            }
            total
        })
        .await
    }
}
