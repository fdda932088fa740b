#!/usr/bin/env bash
# The networks of `cargo bench -p neuronbus-benches -- networks` beside other simulators, in the same minutes.
#
#   benches/simulators/run.sh                     all networks, Markdown
#   benches/simulators/run.sh cuba-4000 brunel    some
#   benches/simulators/run.sh --json FILE         and a file for programs
#   benches/simulators/run.sh --model-ms 100 --rounds 3 --minutes 5 brunel    the others for a short time only
#   PYTHON=python3.11 benches/simulators/run.sh   with another interpreter
#
# Makes an environment of its own in target/simulators. Where that cannot be made it says why, and ends well.
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=target/simulators/python
skip() {
    printf 'SKIPPED: %s\n' "$*"
    exit 0
}

if [ ! -x "$environment/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$environment" || skip "no environment can be made with ${PYTHON:-python3} -m venv"
fi
"$environment/bin/pip" install --quiet --disable-pip-version-check -r benches/simulators/requirements.txt ||
    skip "pip cannot install benches/simulators/requirements.txt"
command -v g++ >/dev/null || skip "Brian2 needs a C++ compiler, and there is no g++"

case " $* " in
    *" --others-only "*) ;;
    *) cargo bench --quiet -p neuronbus-benches --no-run ;;
esac
exec "$environment/bin/python" benches/simulators/compare.py "$@"
