//! Runs the application: `cargo run -p embed-axum [FOLDER]`.
//!
//! ```text
//! curl -d 'name=ana&password=correct horse' http://127.0.0.1:8081/register
//! curl -d 'name=ana&password=correct horse' http://127.0.0.1:8081/login -c cookies
//! curl http://127.0.0.1:8081/chat/v1/conversations -b cookies
//! ```

use embed_axum::App;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = std::env::args_os().nth(1).unwrap_or_else(|| "./embed-data".into());
    let app = App::open(folder.as_ref()).await?;
    let listener = TcpListener::bind("127.0.0.1:8081").await?;
    println!("listening on http://{}", listener.local_addr()?);

    // The application's own `axum::serve` would do too; this one also ends sockets in order and knows addresses.
    let asked_to_end = async { drop(tokio::signal::ctrl_c().await) };
    Ok(chat_transport_ws::serve(listener, app.clone().router(), app.chat, asked_to_end).await?)
}
