"""tornwrite replay, record and judge: crash states and recordings, one at a time."""

import sys

import click
from rich.console import Console

from tornwrite.command_group import (
    EXIT_CODES,
    check_writable,
    chosen_profiles,
    load,
    main,
    profile_option,
    subject_argument,
)
from tornwrite.model.verdict import Verdict
from tornwrite.reports.printing import counted
from tornwrite.scenarios.subject import WrongUse


@main.command()
@subject_argument
@click.option("--scenario", "scenario_name", required=True, metavar="NAME")
@click.option("--profile", "profile_name", metavar="NAME")
@click.option("--epoch", type=click.IntRange(min=0))
@click.option("--point", type=click.IntRange(min=0), help="Steps done.")
@click.option("--cut", type=click.IntRange(min=1), help="Bytes done of the write under way.")
@click.option("--image", default="", help="The digest that the finding gave.")
@click.option(
    "--fault", metavar="TEXT", help="The fault lane and its fault, as the finding gave them."
)
@click.option("--keep", metavar="DIR", help="Write the image to this new directory.")
@click.option("--trace", "trace_file", metavar="FILE", help="Replay this recording, not a new one.")
@click.option(
    "--killed-after",
    type=click.IntRange(min=0),
    metavar="STEP",
    help="The process was killed after this step, and another one went on.",
)
@click.option(
    "--continuation",
    default=0,
    show_default=True,
    type=click.IntRange(min=0),
    help="In which way it went on.",
)
@click.option(
    "--recorder",
    default="in-process",
    show_default=True,
    type=click.Choice(["in-process", "strace"]),
    help="As the finding has it.",
)
def replay(
    subject: str,
    scenario_name: str,
    profile_name: str | None,
    epoch: int | None,
    point: int | None,
    cut: int | None,
    image: str,
    fault: str | None,
    keep: str | None,
    trace_file: str | None,
    killed_after: int | None,
    continuation: int,
    recorder: str,
) -> None:
    """Show one crash state, or one other fault, again: record anew, go there, recover, judge."""
    from tornwrite.reports import console as console_report
    from tornwrite.reports.finding import show_finding
    from tornwrite.scenarios.fault_lanes import Again
    from tornwrite.scenarios.replaying import Place, replay_fault
    from tornwrite.scenarios.replaying import replay as replay_state
    from tornwrite.scenarios.serving import under_strace

    if profile_name is not None and "," in profile_name:
        raise WrongUse(f"one state is one of one profile; {profile_name} are several")
    profile = chosen_profiles((profile_name,))[0] if profile_name is not None else None
    loaded = under_strace(load(subject)) if recorder == "strace" else load(subject)
    if fault is not None:
        if keep or trace_file or killed_after is not None:
            raise WrongUse("--fault is replayed without --keep, --trace and --killed-after")
        found = replay_fault(
            loaded,
            loaded.scenario(scenario_name),
            fault,
            lambda words: Again(words, profile, epoch, point, cut, image),
        )
    else:
        if profile is None or epoch is None or point is None or not image:
            raise WrongUse(
                "a crash state is named by --profile, --epoch, --point and --image, another fault "
                "by --fault: copy the whole command that the finding gave"
            )
        found = replay_state(
            loaded,
            loaded.scenario(scenario_name),
            profile,
            Place(epoch, point, cut, image, killed_after, continuation),
            keep=keep,
            trace_file=trace_file,
        )
    console = Console()
    for number, one in enumerate(found, start=1):
        show_finding(one, f"finding {number} of {len(found)}", console)
    verdict = Verdict.VIOLATED if found else Verdict.PASSED
    shown = fault if fault is not None else f"image {image}"
    console.print(f"[{console_report.STYLES[verdict]}]{verdict.value}[/]: {shown}", highlight=False)
    sys.exit(EXIT_CODES[verdict])


@main.command()
@subject_argument
@click.option("--scenario", "scenario_name", required=True, metavar="NAME")
@click.option("--output", required=True, type=click.Path(dir_okay=False), help="The trace file.")
def record(subject: str, scenario_name: str, output: str) -> None:
    """Run one scenario of SUBJECT and save what it did to the file system."""
    from tornwrite.faults import trace as trace_files
    from tornwrite.scenarios.trace_judging import record_scenario

    check_writable(output)
    loaded = load(subject)
    trace = record_scenario(loaded, loaded.scenario(scenario_name))
    trace_files.save(trace, output)
    click.echo(f"{counted(len(trace.steps), 'step')} recorded in {output}")


@main.command()
@click.argument("trace_file", metavar="TRACE")
@subject_argument
@click.option("--scenario", "scenario_name", required=True, metavar="NAME")
@profile_option
@click.option("--seed", default=0, show_default=True)
@click.option("--budget", default=50_000, show_default=True, type=click.IntRange(min=1))
def judge(
    trace_file: str,
    subject: str,
    scenario_name: str,
    profile_names: tuple[str, ...],
    seed: int,
    budget: int,
) -> None:
    """Judge a recording of SUBJECT's scenario that `tornwrite record` made."""
    from tornwrite.faults import trace as trace_files
    from tornwrite.reports import console as console_report
    from tornwrite.scenarios.run import Settings
    from tornwrite.scenarios.trace_judging import judge_recording

    settings = Settings(chosen_profiles(profile_names), budget, seed)
    loaded = load(subject)
    scenario = loaded.scenario(scenario_name)
    trace = trace_files.load(trace_file)
    result = judge_recording(
        loaded, scenario, trace, trace_file, settings, lambda profile, judged: None
    )
    console_report.show(result, Console())
    sys.exit(EXIT_CODES[result.verdict])
