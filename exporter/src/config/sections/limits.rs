//! `limits`.

use crate::config::readers::COUNT;
use crate::config::scope::Scope;
use crate::config::section::{Context, section};

section! {
    /// Bounds. What lies beyond is left out, counted and logged.
    #[derive(Copy, PartialEq, Eq)]
    pub struct Limits {
        /// Targets that are shown.
        targets: usize = COUNT.or("10000");
        /// Pairs of job and target that are shown.
        job_pairs: usize = COUNT.or("20000");
        /// Series on a page.
        series: usize = COUNT.or("500000");
        /// Scrapes at once. Probes, and pages with JSON and service discovery, have as many places of their own; so have
        /// trusted clients.
        scrapes_in_flight: usize = COUNT.or("32");
        /// The same from one client: an IPv4 address, or a network of 64 bits of IPv6. Trusted clients share theirs.
        scrapes_in_flight_per_client: usize = COUNT.or("4");
    }
    check client_fits { scrapes_in_flight, scrapes_in_flight_per_client }
}

fn client_fits(scope: &mut Scope<'_>, _: &Context<'_>, all: Option<&usize>, one: Option<&usize>) {
    if let (Some(all), Some(one)) = (all, one)
        && one > all
    {
        scope.fault("limits.scrapes_in_flight_per_client", "is larger than limits.scrapes_in_flight");
    }
}
