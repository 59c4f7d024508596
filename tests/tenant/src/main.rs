//! The fake tenant as a program: prints its addresses as one line of JSON and serves until it is stopped.
#![allow(clippy::print_stdout, clippy::print_stderr)] // a program prints

use std::io::{Read, Write};
use std::process::ExitCode;

use fedxdr_tenant::{FakeTenant, World};

const USAGE: &str = "fedxdr-tenant [--tenants N] [--rows N] [--machines N] [--page-size N] [--alerts N] \
    [--hunting-rows N] [--gzip | --no-gzip] [--tls] [--until-stdin-closes]";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (mut tenants, mut rows, mut machines) = (3, 60_000, 400);
    let (mut alerts, mut hunting_rows) = (None, None);
    let (mut page_size, mut gzip, mut tls, mut until_stdin_closes) = (50_000, "auto", false, false);
    while let Some(argument) = arguments.next() {
        let mut number = || arguments.next().and_then(|text| text.parse::<u64>().ok());
        let read = match argument.as_str() {
            "--tenants" => number().map(|n| tenants = n),
            "--rows" => number().map(|n| rows = n),
            "--machines" => number().map(|n| machines = n),
            "--page-size" => number().map(|n| page_size = n),
            "--alerts" => number().map(|n| alerts = Some(n)),
            "--hunting-rows" => number().map(|n| hunting_rows = Some(n)),
            "--no-gzip" => {
                gzip = "off";
                Some(())
            }
            "--gzip" => {
                gzip = "on";
                Some(())
            }
            "--tls" => {
                tls = true;
                Some(())
            }
            "--until-stdin-closes" => {
                until_stdin_closes = true;
                Some(())
            }
            _ => None,
        };
        if read.is_none() {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    }
    let size = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
    let mut world = World::new(size(tenants), rows, size(machines));
    world.vulnerability_page_size = size(page_size);
    for tenant in &mut world.tenants {
        tenant.alerts = alerts.map_or(tenant.alerts, size);
        tenant.hunting_rows = hunting_rows.map_or(tenant.hunting_rows, size);
    }
    gzip.clone_into(&mut world.gzip);
    world.tls = tls;
    match run(world, until_stdin_closes) {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            eprintln!("fedxdr-tenant: {e}");
            ExitCode::FAILURE
        }
    }
}

fn run(world: World, until_stdin_closes: bool) -> std::io::Result<()> {
    let tenant = FakeTenant::start_blocking(world)?;
    println!("{}", serde_json::to_string(tenant.addresses())?);
    std::io::stdout().flush()?;
    if until_stdin_closes {
        std::io::stdin().read_to_end(&mut Vec::new())?;
        return Ok(());
    }
    loop {
        std::thread::park();
    }
}
