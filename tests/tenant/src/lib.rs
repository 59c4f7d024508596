//! A strict stand-in for the services that `FedXdr` talks to: identity endpoints, Entra, Defender, Microsoft Graph,
//! Azure Resource Manager. Written from their documentation. Shares no code with the client. See the README beside it.

mod aadsts;
mod apis;
mod app_certificate;
mod arc;
mod authorize;
mod builds;
mod certificate;
mod cloud;
mod cloudshell;
mod control;
mod credential;
mod customers;
mod data;
mod defender;
mod discovery;
mod endpoints;
mod entra;
mod fabric;
mod faults;
mod federated;
mod files;
mod filter;
mod http;
mod hunting;
mod identity;
mod imds;
mod jwt;
mod keys;
mod lists;
mod machine_lists;
mod multipart;
mod pages;
mod receivers;
mod resource_graph;
mod state;
mod tables;
mod tls;
mod token_request;
mod world;

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use axum::Router;
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use cloud::Cloud;
pub use endpoints::{Description, endpoints};
pub use faults::{Fault, Name};
pub use state::{IDENTITY_HEADER, Report, Seen};
pub use world::{
    App, ArcAgent, Customer, ExtraResponse, FederatedCredential, Hunting, Identity, QueryQuota, Quota,
    Secret, Window, World,
};

use http::Service;
use state::State;

/// The addresses of all listeners, and what a client needs to use them.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Addresses {
    /// Process id.
    pub pid: u32,
    /// Control.
    pub control: String,
    /// Entra.
    pub authority: String,
    /// Defender.
    pub defender: String,
    /// Microsoft Graph.
    pub graph: String,
    /// Azure Resource Manager.
    pub arm: String,
    /// Logs Ingestion API.
    pub ingestion: String,
    /// Event Hubs.
    pub event_hubs: String,
    /// Instance metadata service.
    pub imds: String,
    /// Host that no token may reach.
    pub foreign: String,
    /// Value of `IDENTITY_ENDPOINT`.
    pub identity_endpoint: String,
    /// The same, of Azure Automation.
    pub automation_identity_endpoint: String,
    /// Value of `MSI_ENDPOINT`, of Azure Machine Learning.
    pub machine_learning_endpoint: String,
    /// Value of `IDENTITY_HEADER`.
    pub identity_header: String,
    /// Value of `IDENTITY_ENDPOINT` on an Azure Arc machine.
    pub arc_identity_endpoint: String,
    /// Value of `IMDS_ENDPOINT` on an Azure Arc machine.
    pub arc_imds_endpoint: String,
    /// Directory of the key files of the Azure Arc agent.
    pub arc_token_directory: String,
    /// Value of `IDENTITY_ENDPOINT` on a Service Fabric node.
    pub fabric_identity_endpoint: String,
    /// Value of `IDENTITY_HEADER` there.
    pub fabric_header: String,
    /// Value of `IDENTITY_SERVER_THUMBPRINT` there.
    pub fabric_thumbprint: String,
    /// Certificate of every listener behind TLS, in PEM. Self-signed, so that a client can take it as a root.
    pub tls_certificate: String,
    /// Value of `MSI_ENDPOINT` in Cloud Shell.
    pub cloud_shell_endpoint: String,
    /// Tenant of the identities and the app.
    pub home_tenant_id: String,
    /// The app.
    pub client_id: String,
    /// A secret of the app.
    pub client_secret: String,
    /// The user-assigned identity that the app trusts.
    pub managed_identity: Identity,
    /// A user-assigned identity that it does not trust.
    pub second_identity: Identity,
    /// The system-assigned identity.
    pub system_identity: Identity,
    /// Environment variables of a build service's job.
    pub builds: std::collections::BTreeMap<&'static str, String>,
    /// Service connection that the pipeline may use.
    pub service_connection_id: &'static str,
    /// Customers.
    pub tenants: Vec<Customer>,
}

/// A running fake tenant; dropping it stops it.
pub struct FakeTenant {
    state: Arc<State>,
    addresses: Addresses,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl FakeTenant {
    /// Starts on its own threads, so that a test may pause its own time.
    pub fn start_blocking(world: World) -> io::Result<Self> {
        let state = Arc::new(State::new(world)?);
        let (stop, stopped) = oneshot::channel();
        let (ready, is_ready) = std::sync::mpsc::channel();
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new().name("fake-tenant".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            let Ok(runtime) = runtime else { return };
            runtime.block_on(async {
                let _ = ready.send(listen(&shared).await);
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        })?;
        is_ready.recv().map_err(io::Error::other)??;
        let addresses = addresses(&state)?;
        Ok(FakeTenant { state, addresses, stop: Some(stop), thread: Some(thread) })
    }

    /// The addresses.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// Changes the world.
    pub fn change(&self, change: impl FnOnce(&mut World)) {
        let mut world = self.state.world();
        let before = world.clone();
        change(&mut world);
        world.follow_cloud(&before);
    }

    /// Adds a fault.
    pub fn fault(&self, fault: Fault) {
        self.state.fault(fault);
    }

    /// What was seen so far.
    pub fn report(&self) -> Report {
        self.state.report()
    }

    /// A token with these claims, signed by this world, for issuers that have no listener here.
    pub fn mint(&self, claims: &serde_json::Value) -> String {
        let token = self.state.signer.sign(claims).unwrap_or_default();
        self.state.keep_secret(&token);
        token
    }

    /// Every secret that was issued or is expected.
    pub fn secrets(&self) -> Vec<String> {
        self.state.secrets()
    }
}

impl Drop for FakeTenant {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        self.state.keys.remove();
    }
}

async fn listen(state: &Arc<State>) -> io::Result<()> {
    start::<apis::Arm>(state).await?;
    start::<arc::Agent>(state).await?;
    start::<builds::Builds>(state).await?;
    start::<cloudshell::CloudShell>(state).await?;
    start::<control::Control>(state).await?;
    start::<control::Foreign>(state).await?;
    start::<files::Blob>(state).await?;
    start::<receivers::EventHubs>(state).await?;
    start::<receivers::Ingestion>(state).await?;
    start::<apis::Graph>(state).await?;
    start::<identity::AppService>(state).await?;
    start::<imds::Imds>(state).await?;
    if state.world().tls {
        start_behind_tls::<entra::Entra>(state).await?;
        start_behind_tls::<defender::Defender>(state).await?;
    } else {
        start::<entra::Entra>(state).await?;
        start::<defender::Defender>(state).await?;
    }
    start_behind_tls::<fabric::Fabric>(state).await
}

async fn start<S: Service>(state: &Arc<State>) -> io::Result<()> {
    let listener = bind::<S>(state, "http").await?;
    serve::<S, _>(state, listener);
    Ok(())
}

async fn start_behind_tls<S: Service>(state: &Arc<State>) -> io::Result<()> {
    let listener = bind::<S>(state, "https").await?;
    serve::<S, _>(state, tls::Listener::new(state, S::NAME, listener)?);
    Ok(())
}

async fn bind<S: Service>(state: &Arc<State>, scheme: &str) -> io::Result<TcpListener> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = format!("{scheme}://{}", listener.local_addr()?);
    state.addresses.lock().map_err(|_| io::Error::other("poisoned"))?.insert(S::NAME, address);
    Ok(listener)
}

fn serve<S: Service, L: axum::serve::Listener<Addr: std::fmt::Debug>>(state: &Arc<State>, listener: L) {
    let shared = Arc::clone(state);
    let router = Router::new().fallback(move |request| http::serve::<S>(Arc::clone(&shared), request));
    tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
}

fn addresses(state: &State) -> io::Result<Addresses> {
    let world = state.world().clone();
    let identity = |wanted: fn(&Identity) -> bool, skip: usize| {
        world
            .identities
            .iter()
            .filter(|i| wanted(i))
            .nth(skip)
            .cloned()
            .ok_or_else(|| io::Error::other("an identity is missing"))
    };
    Ok(Addresses {
        pid: std::process::id(),
        control: state.address("control"),
        authority: state.address("authority"),
        defender: state.address("defender"),
        graph: state.address("graph"),
        arm: state.address("arm"),
        ingestion: state.address("ingestion"),
        event_hubs: state.address("eventHubs"),
        imds: state.address("imds"),
        foreign: state.address("foreign"),
        identity_endpoint: format!("{}{}", state.address("identity"), identity::APP_SERVICE_PATH),
        automation_identity_endpoint: format!("{}{}", state.address("identity"), identity::AUTOMATION_PATH),
        machine_learning_endpoint: format!(
            "{}{}",
            state.address("identity"),
            identity::MACHINE_LEARNING_PATH
        ),
        identity_header: IDENTITY_HEADER.to_owned(),
        arc_identity_endpoint: format!("{}{}", state.address("arc"), arc::PATH),
        arc_imds_endpoint: state.address("arc"),
        arc_token_directory: state.keys.directory().to_string_lossy().into_owned(),
        fabric_identity_endpoint: format!("{}{}", state.address("fabric"), fabric::PATH),
        fabric_header: fabric::SECRET.to_owned(),
        fabric_thumbprint: state.certificate.thumbprint.clone(),
        tls_certificate: state.certificate.pem.clone(),
        cloud_shell_endpoint: format!("{}{}", state.address("cloudshell"), cloudshell::PATH),
        home_tenant_id: world.home_tenant_id.clone(),
        client_id: world.app.client_id.clone(),
        client_secret: world.app.secrets.first().map(|secret| secret.value.clone()).unwrap_or_default(),
        managed_identity: identity(|i| !i.system_assigned, 0)?,
        second_identity: identity(|i| !i.system_assigned, 1)?,
        system_identity: identity(|i| i.system_assigned, 0)?,
        builds: std::collections::BTreeMap::from([
            ("ACTIONS_ID_TOKEN_REQUEST_URL", format!("{}{}", state.address("builds"), builds::GITHUB_PATH)),
            ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", builds::GITHUB_TOKEN.to_owned()),
            ("SYSTEM_OIDCREQUESTURI", format!("{}{}", state.address("builds"), builds::PIPELINES_PATH)),
            ("SYSTEM_ACCESSTOKEN", builds::PIPELINES_TOKEN.to_owned()),
        ]),
        service_connection_id: builds::SERVICE_CONNECTION,
        tenants: world.tenants,
    })
}
