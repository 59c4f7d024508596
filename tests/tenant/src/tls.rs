//! Listeners behind TLS, with a self-signed certificate as a Service Fabric node has it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use rustls::ServerConfig;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::state::State;

/// Certificate and key of every listener behind TLS, made at the start.
pub(crate) struct ServerCertificate {
    config: Arc<ServerConfig>,
    /// SHA-1 of the certificate, in hex, as the environment of a Service Fabric application has it.
    pub thumbprint: String,
    /// The certificate in PEM.
    pub pem: String,
}

impl ServerCertificate {
    /// A new certificate.
    pub(crate) fn new() -> io::Result<Self> {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).map_err(io::Error::other)?;
        let certificate = made.cert.der().clone();
        let thumbprint = digest(&SHA1_FOR_LEGACY_USE_ONLY, &certificate);
        let thumbprint: Vec<_> = thumbprint.as_ref().iter().map(|byte| format!("{byte:02X}")).collect();
        let pem = format!(
            "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
            STANDARD.encode(&certificate)
        );
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key))
            .map_err(io::Error::other)?;
        Ok(ServerCertificate { config: Arc::new(config), thumbprint: thumbprint.concat(), pem })
    }
}

/// Connections whose handshake is complete.
pub(crate) struct Listener {
    address: SocketAddr,
    ready: mpsc::Receiver<(TlsStream<TcpStream>, SocketAddr)>,
}

impl Listener {
    /// Does the handshakes of `listener` concurrently and counts those that the client completed.
    pub(crate) fn new(state: &Arc<State>, service: &'static str, listener: TcpListener) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let acceptor = TlsAcceptor::from(Arc::clone(&state.certificate.config));
        let (send, ready) = mpsc::channel(16);
        let state = Arc::clone(state);
        tokio::spawn(async move {
            while let Ok((socket, client)) = listener.accept().await {
                let (acceptor, send, state) = (acceptor.clone(), send.clone(), Arc::clone(&state));
                tokio::spawn(async move {
                    // A client that rejects the certificate ends the connection here.
                    if let Ok(stream) = acceptor.accept(socket).await {
                        state.count(&format!("{service}-connections"));
                        let _ = send.send((stream, client)).await;
                    }
                });
            }
        });
        Ok(Listener { address, ready })
    }
}

impl axum::serve::Listener for Listener {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        match self.ready.recv().await {
            Some(connection) => connection,
            None => std::future::pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        Ok(self.address)
    }
}
