//! Every source and credential against a scripted network, on paused time. `CASES.md` says where each case of others
//! is.

mod arc;
mod client_credentials;
mod imds;
mod lenient;
mod managed_identity;
mod measurements;
mod sources;
mod table;
mod workload;
