"""The expressions that the dashboards share.

Two habits run through all of them:

- `recorded or raw`: a series of alerts/msx-recording.yaml where those rules are loaded, else the same computed here.
  So dashboards and alerts agree, and the dashboards also work alone.
- Ages are taken from `msx_server_time_seconds`, the master's own clock, never from `time()`.
"""

import re

from .words import CAUSES

CODES = {cause.name: cause.code for cause in CAUSES}

# Every selector of a panel carries these; the variables follow from one another.
SCOPE = 'job=~"$job", instance=~"$instance"'
TARGETS = SCOPE + ', target=~"$target"'
# The detail page shows one target: an equality, because a single value is not escaped for a regular expression.
ONE = SCOPE + ', target="$target"'

BY_TARGET = "on (job, instance, target)"
BY_PORT = "on (job, instance, target, check, direction, master)"

# What an exporter on a target says of the way to its master, or a page that the target wrote. Job and instance are those of
# that exporter, or of the one that read the page, and `master` is the name by which the target calls it, often an alias: such
# series are found by the target alone.
TO_MASTER = 'direction="to_master", target=~"$target"'
TO_MASTER_ONE = 'direction="to_master", target="$target"'


def tidy(expression):
    """One space between words: the expressions are put together from pieces with line breaks."""
    return re.sub(r"\s+", " ", expression).strip()


def in_group(expression):
    """Leaves out targets that are in groups, but in none of the chosen ones.

    A plain join with msx_target_group_info would count a target twice that is in two groups, and would hide
    targets that are expected and not enlisted, and all ports while the master cannot be read.
    """
    info = "msx_target_group_info"
    chosen = f'{info}{{{TARGETS}, group=~"$group"}}'
    return f"({expression}) unless {BY_TARGET} ({info}{{{TARGETS}}} unless {BY_TARGET} {chosen})"


def unnamed(record, scope):
    """A recorded series without its name: else a graph has two lines where the recording began within its range."""
    return f"1 * {record}{{{scope}}}"


def raw_poll_age(scope):
    return (
        f"clamp_min(msx_server_time_seconds{{{SCOPE}}} - on (job, instance) group_right () "
        f"msx_target_last_poll_timestamp_seconds{{{scope}}}, 0)"
    )


def raw_lateness(scope):
    return f"{raw_poll_age(scope)} / {BY_TARGET} msx_target_poll_interval_seconds{{{scope}}}"


def poll_age(scope):
    """Seconds since the last poll; until the first one, since the enlistment."""
    return f"{unnamed('msx_target:poll_age:seconds', scope)} or {BY_TARGET} {raw_poll_age(scope)}"


def lateness(scope):
    """The same in poll intervals of the target itself. Over 3 a target is silent."""
    return f"{unnamed('msx_target:poll_lateness:ratio', scope)} or {BY_TARGET} {raw_lateness(scope)}"


def page_age(scope):
    """Seconds since the page of a target was taken, by the clock of its host."""
    raw = f"msx_server_time_seconds{{{SCOPE}}} - on (job, instance) group_right () msx_target_page_timestamp_seconds{{{scope}}}"
    return f"({unnamed('msx_target:page_age:seconds', scope)} or {BY_TARGET} {raw})"


def page_limit(scope):
    """For how many seconds such a page counts."""
    raw = f"clamp_min(2.5 * msx_target_page_interval_seconds{{{scope}}}, 900)"
    known = f"900 + 0 * msx_target_page_timestamp_seconds{{{scope}}}"
    return f"{unnamed('msx_target:page_limit:seconds', scope)} or {BY_TARGET} {raw} or {BY_TARGET} {known}"


def not_polling(scope):
    """1 for a silent target, 0 for any other; none in maintenance, none that a new master has yet to hear from."""
    return f"""
        {unnamed("msx_target:not_polling:bool", scope)} or {BY_TARGET} (
          ({raw_lateness(scope)} > bool 3)
          unless {BY_TARGET} msx_target_maintenance{{{scope}}} == 1
          unless {BY_TARGET} msx_target_diagnosis_code{{{scope}}} == {CODES["settling"]}
        )"""


def diagnosis_code(scope):
    """The number of the cause that holds: one series for each target, whatever its cause was before."""
    return f"msx_target_diagnosis_code{{{scope}}}"


def ok_share(scope, at=""):
    """For which part of the scrapes in the time range each target was fine, from 0 to 1.

    Counted, because the mean of a subquery such as `(msx_target_diagnosis_code == bool 0)[$__range:1m]` holds every
    minute of every target in memory at once: a week of 5,000 targets is over the limit of Prometheus, 50 million
    samples, and the query fails. Counts also stay right where old data are downsampled, and means of numbers do not.
    """
    fine = f'count_over_time(msx_target_diagnosis{{{scope}, cause="ok"}}[$__range]{at})'
    scrapes = f"count_over_time({diagnosis_code(scope)}[$__range]{at})"
    return f"({fine} / {BY_TARGET} {scrapes} or {BY_TARGET} 0 * {scrapes})"


def required_closed(scope):
    """1 for a required port that is known not to be open, 0 for one that is open."""
    return f"""
        {unnamed("msx_port:required_closed:bool", scope)} or {BY_PORT} (
          (msx_port_open{{{scope}}} == bool 0) and {BY_PORT} msx_port_required{{{scope}}} == 1
        )"""


# One row for each target with the job and instance of its master. Where two masters have a row for it, it was enlisted
# again, and the one that it polls is its master. The last day is looked at, because the target side matters most while the
# master cannot be read.
HOMES = f"""
    group by (job, instance, target) (topk by (target) (1,
      last_over_time(msx_target_last_poll_timestamp_seconds{{{TARGETS}}}[1d])
      or last_over_time(msx_target_enlisted{{{TARGETS}}}[1d])
    ))"""


def of_its_master(expression):
    """Gives series of the target side the job and instance of the master to which their target belongs.

    Two exporters of one master read the same pages, and are one row.
    """
    return f"max without (job, instance) ({expression}) * on (target) group_left (job, instance) {HOMES}"


def way_to_master(metric, scope=TO_MASTER):
    """A port metric of the way from a target: by the exporter on it, else by what the exporter next to the master has from its page."""
    # Only an exporter that reads a master has msx_up, whichever is chosen; the page is read by the exporter of the chosen one.
    from_targets = f"{metric}{{{scope}}} unless on (job, instance) msx_up"
    return f"({from_targets} or on (target, check) {metric}{{{SCOPE}, {scope}}})"


def way_closed():
    """1 for a required port of that way that is known not to be open, 0 for one that is open."""
    return f"({way_to_master('msx_port_open')} == bool 0) and {BY_PORT} {way_to_master('msx_port_required')} == 1"


def oldest_pending_age(scope):
    """Seconds since the oldest waiting instruction was posted; no series for a target for which none waits."""
    return (
        f"clamp_min(msx_server_time_seconds{{{SCOPE}}} - on (job, instance) group_right () "
        f"msx_target_oldest_pending_download_timestamp_seconds{{{scope}}}, 0)"
    )


# 0 readable, 1 passive (the other node of a failover cluster), 2 unreadable, 3 no answer from the exporter, 4 a page that
# is scraped and no longer written.
# `up` is asked only of what was such an exporter within the day: with job and instance at "All" it matches everything.
UNREADABLE = f"""
    4 + 0 * msx:stale_page:timestamp_seconds{{{SCOPE}}}
    or on (job, instance) 2 - 2 * msx_up{{{SCOPE}}}
    or on (job, instance) 3 + (up{{{SCOPE}}} == 0 and on (job, instance) last_over_time(msx_up{{{SCOPE}}}[1d]))"""
PASSIVE = f"msx_exporter_passive{{{SCOPE}}} == 1"
MASTER_STATE = f"{UNREADABLE} or on (job, instance) {PASSIVE}"


def worst(count, expression, by):
    """Limits a graph to the series that were largest within the time range: the same ones at every point of it."""
    return f"({expression}) and on (job, instance, target) topk({count}, {by})"
