//! Redis, as Debian packages it: alone, as a cluster of one, and behind TLS and a password. Nothing is stored.

use super::Recipe;
use crate::programs;
use anyhow::{Context as _, Result};
use rustix::process::Signal;
use std::path::Path;
use std::process::Command;

/// The password of [`RedisTls`].
const PASSWORD: &str = "correct-horse";

/// Redis.
#[derive(Clone, Copy, Debug)]
pub struct Redis;

/// A Redis Cluster of one node. Its slots belong to nobody until a client says `CLUSTER ADDSLOTSRANGE 0 16383`.
#[derive(Clone, Copy, Debug)]
pub struct RedisCluster;

/// Redis that speaks TLS only, with the certificate `cert.pem` in its folder, and wants a password.
#[derive(Clone, Copy, Debug)]
pub struct RedisTls;

impl Recipe for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["redis-server"]
    }

    fn is_installed(&self) -> bool {
        is_installed()
    }

    fn fetch(&self) -> Result<()> {
        Ok(())
    }

    fn refuses_root(&self) -> bool {
        false
    }

    fn make(&self, _data: &Path) -> Result<Option<Command>> {
        Ok(None)
    }

    fn serve(&self, _data: &Path, port: u16) -> Result<Command> {
        let mut command = server()?;
        command.arg("--port").arg(port.to_string());
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        READY
    }

    fn stop(&self) -> Signal {
        Signal::TERM
    }

    fn url(&self, port: u16) -> String {
        format!("redis://127.0.0.1:{port}")
    }
}

impl Recipe for RedisCluster {
    fn name(&self) -> &'static str {
        "redis-cluster"
    }

    fn packages(&self) -> &'static [&'static str] {
        Redis.packages()
    }

    fn is_installed(&self) -> bool {
        is_installed()
    }

    fn fetch(&self) -> Result<()> {
        Ok(())
    }

    fn refuses_root(&self) -> bool {
        false
    }

    fn make(&self, _data: &Path) -> Result<Option<Command>> {
        Ok(None)
    }

    fn serve(&self, data: &Path, port: u16) -> Result<Command> {
        let mut command = Redis.serve(data, port)?;
        // The line between nodes: there is one, so nobody comes by it.
        command.args(["--cluster-enabled", "yes", "--cluster-port"]).arg((port + 10_000).to_string());
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        READY
    }

    fn stop(&self) -> Signal {
        Signal::TERM
    }

    fn url(&self, port: u16) -> String {
        Redis.url(port)
    }
}

impl Recipe for RedisTls {
    fn name(&self) -> &'static str {
        "redis-tls"
    }

    fn packages(&self) -> &'static [&'static str] {
        &["redis-server", "openssl"]
    }

    fn is_installed(&self) -> bool {
        is_installed() && programs::find(&["openssl"]).is_some()
    }

    fn fetch(&self) -> Result<()> {
        Ok(())
    }

    fn refuses_root(&self) -> bool {
        false
    }

    /// A certificate for this machine, signed by itself.
    fn make(&self, data: &Path) -> Result<Option<Command>> {
        let mut command = Command::new(programs::find(&["openssl"]).context("openssl is missing")?);
        command.args(["req", "-x509", "-nodes", "-days", "2", "-newkey", "ec"]);
        command.args(["-pkeyopt", "ec_paramgen_curve:P-256", "-subj", "/CN=localhost"]);
        command.args([
            "-addext",
            "subjectAltName=IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE",
        ]);
        command.arg("-keyout").arg(data.join("key.pem")).arg("-out").arg(data.join("cert.pem"));
        Ok(Some(command))
    }

    fn serve(&self, _data: &Path, port: u16) -> Result<Command> {
        let mut command = server()?;
        command.args(["--port", "0", "--tls-port"]).arg(port.to_string());
        command.args([
            "--tls-cert-file",
            "cert.pem",
            "--tls-key-file",
            "key.pem",
            "--tls-auth-clients",
            "no",
        ]);
        command.args(["--tls-ca-cert-file", "cert.pem", "--requirepass", PASSWORD]);
        Ok(command)
    }

    fn ready(&self) -> &'static str {
        READY
    }

    fn stop(&self) -> Signal {
        Signal::TERM
    }

    fn url(&self, port: u16) -> String {
        format!("rediss://:{PASSWORD}@127.0.0.1:{port}")
    }
}

const READY: &str = "Ready to accept connections";

fn is_installed() -> bool {
    programs::find(&["redis-server"]).is_some()
}

/// The server with what all kinds have in common: it reads no settings of this machine's, and stores nothing.
fn server() -> Result<Command> {
    let mut command = Command::new(programs::find(&["redis-server"]).context("redis-server is missing")?);
    command.args(["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", "."]);
    Ok(command)
}
