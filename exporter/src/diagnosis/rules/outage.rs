//! Times at which most of a fleet fell silent together: then the master needs attention, not each target.

use std::time::Duration;

/// Fewer silent targets may be chance.
const AT_LEAST: usize = 3;
/// A target that polled within this time before a moment counts as alive at that moment.
const ALIVE: i64 = 86_400_000;

/// The facts about a target that has polled at least once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Poll {
    /// Its last poll, in milliseconds of the epoch.
    pub(crate) at: i64,
    /// Three of its intervals.
    pub(crate) patience: Duration,
    /// Whether its last poll is longer ago than that.
    pub(crate) stale: bool,
}

impl Poll {
    /// The latest moment at which it can have fallen silent: with a healthy master it would have polled by then.
    fn until(self) -> i64 {
        let patience = i64::try_from(self.patience.as_millis()).unwrap_or(i64::MAX);
        self.at.saturating_add(patience.min(ALIVE))
    }
}

/// A time at which many targets fell silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Outage {
    from: i64,
    to: i64,
    /// The targets that fell silent.
    pub(crate) silent: usize,
    /// The targets that had polled within the day before, these among them.
    pub(crate) alive: usize,
}

/// All such times, in order.
#[derive(Debug, Default)]
pub(crate) struct Outages(Vec<Outage>);

impl Outages {
    /// Finds the moments that lie within three intervals after the last polls of at least three silent targets, over
    /// half of those that had polled within the day before.
    ///
    /// A target that polls every eight hours and one that polls each minute fell silent together when one moment lies
    /// within three of its own intervals after each one's last poll. Targets that still poll count as alive, so a few
    /// targets that were abandoned together long ago do not accuse a master that serves all others.
    pub(crate) fn find(polls: &[Poll]) -> Outages {
        let mut last_polls: Vec<i64> = polls.iter().map(|poll| poll.at).collect();
        let mut begins: Vec<i64> = polls.iter().filter(|poll| poll.stale).map(|poll| poll.at).collect();
        let mut ends: Vec<i64> = polls.iter().filter(|poll| poll.stale).map(|poll| poll.until()).collect();
        last_polls.sort_unstable();
        begins.sort_unstable();
        ends.sort_unstable();

        let mut outages: Vec<Outage> = Vec::new();
        let mut joined = false;
        // Several spans overlap most at a moment where one of them begins.
        for (index, &moment) in begins.iter().enumerate() {
            if begins.get(index + 1) == Some(&moment) {
                continue;
            }
            let silent = index + 1 - ends.partition_point(|&end| end < moment);
            let alive = polls.len() - last_polls.partition_point(|&at| at < moment.saturating_sub(ALIVE));
            let fresh = index + 1 - begins.partition_point(|&at| at < moment);
            let qualifies = silent >= AT_LEAST && silent * 2 > alive;
            if qualifies {
                let here = Outage { from: moment, to: moment, silent, alive };
                match outages.last_mut().filter(|_| joined && silent > fresh) {
                    Some(outage) if outage.silent > silent => outage.to = moment,
                    Some(outage) => *outage = Outage { from: outage.from, ..here },
                    None => outages.push(here),
                }
            }
            joined = qualifies;
        }
        Outages(outages)
    }

    /// The outage in which this target fell silent.
    pub(crate) fn of(&self, poll: Poll) -> Option<&Outage> {
        let Outages(outages) = self;
        let next = outages.partition_point(|outage| outage.to < poll.at);
        outages.get(next).filter(|outage| poll.stale && outage.from <= poll.until())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;
    const DAY: i64 = ALIVE;

    fn poll(at: i64, stale: bool) -> Poll {
        Poll { at, patience: Duration::from_secs(180), stale }
    }

    fn silent(at: i64) -> Poll {
        poll(at, true)
    }

    fn polls(at: i64) -> Poll {
        poll(at, false)
    }

    #[test]
    fn three_are_needed() {
        assert_eq!(Outages::find(&[silent(0), silent(1)]).of(silent(0)), None);
        let three = Outages::find(&[silent(0), silent(1), silent(2)]);
        assert_eq!(three.of(silent(0)), Some(&Outage { from: 2, to: 2, silent: 3, alive: 3 }));
    }

    #[test]
    fn over_half_of_the_living_are_needed() {
        let mut fleet = vec![silent(0), silent(1), silent(2), polls(10 * MINUTE), polls(10 * MINUTE)];
        assert!(Outages::find(&fleet).of(fleet[0]).is_some());
        fleet.push(polls(10 * MINUTE));
        assert_eq!(Outages::find(&fleet).of(fleet[0]), None, "half is not over half");
    }

    #[test]
    fn what_was_silent_for_over_a_day_before_does_not_count() {
        let mut fleet = vec![silent(DAY + 2), silent(DAY + 2), silent(DAY + 2)];
        fleet.extend([silent(1); 3]);
        assert!(Outages::find(&fleet).of(fleet[0]).is_some());
        fleet[3..].fill(silent(2));
        assert_eq!(Outages::find(&fleet).of(fleet[0]), None);
    }

    #[test]
    fn last_polls_lie_within_three_intervals_of_each_other() {
        let near = [silent(0), silent(0), silent(3 * MINUTE)];
        assert!(near.iter().all(|poll| Outages::find(&near).of(*poll).is_some()));
        let far = [silent(0), silent(0), silent(3 * MINUTE + 1)];
        assert!(far.iter().all(|poll| Outages::find(&far).of(*poll).is_none()));
    }

    #[test]
    fn a_target_with_a_long_interval_falls_silent_together_with_those_that_poll_often() {
        let slow = Poll { at: 0, patience: Duration::from_secs(3 * 28_800), stale: true };
        let fleet = [slow, silent(20 * 60 * MINUTE), silent(20 * 60 * MINUTE)];
        assert!(Outages::find(&fleet).of(slow).is_some());
    }

    #[test]
    fn a_straggler_is_not_drawn_into_the_outage_of_the_others() {
        let straggler = silent(-10 * MINUTE);
        let fleet = [straggler, silent(0), silent(MINUTE), silent(2 * MINUTE)];
        let outages = Outages::find(&fleet);
        assert_eq!(outages.of(straggler), None);
        assert_eq!(outages.of(fleet[1]).map(|outage| (outage.silent, outage.alive)), Some((3, 4)));
    }

    #[test]
    fn two_outages_are_kept_apart() {
        let mut fleet = vec![silent(0); 4];
        fleet.extend([silent(3 * DAY); 3]);
        let outages = Outages::find(&fleet);
        assert_eq!(outages.of(fleet[0]).map(|outage| outage.silent), Some(4));
        assert_eq!(outages.of(fleet[4]).map(|outage| (outage.silent, outage.alive)), Some((3, 3)));
    }

    #[test]
    fn the_limits_of_time_are_no_overflow() {
        let fleet = [silent(i64::MIN), silent(i64::MAX), silent(i64::MAX), silent(i64::MAX)];
        assert!(Outages::find(&fleet).of(fleet[3]).is_some());
    }
}
