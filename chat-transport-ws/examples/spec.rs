//! Prints a published document: `cargo run -p chat-transport-ws --example spec -- openapi|asyncapi`.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("openapi") => print!("{}", chat_transport_ws::spec::openapi()),
        Some("asyncapi") => print!("{}", chat_transport_ws::spec::asyncapi()),
        _ => {
            eprintln!("which one: openapi or asyncapi");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
