#!/usr/bin/env bash
# Makes the environment in which `cargo bench -p neuronbus-benches -- llm/request` finds LiteLLM's proxy: target/litellm,
# about 760 MB. Where that cannot be made it says why, and ends well; the row is then left out.
#
#   benches/litellm/install.sh                     with python3
#   PYTHON=python3.11 benches/litellm/install.sh   with another interpreter
set -euo pipefail
cd "$(dirname "$0")/../.."

environment=target/litellm
skip() {
    printf 'SKIPPED: %s\n' "$*"
    exit 0
}

if [ ! -x "$environment/bin/python" ]; then
    "${PYTHON:-python3}" -m venv "$environment" || skip "no environment can be made with ${PYTHON:-python3} -m venv"
fi
"$environment/bin/pip" install --quiet --disable-pip-version-check -r benches/litellm/requirements.txt ||
    skip "pip cannot install benches/litellm/requirements.txt"
printf 'LiteLLM is in %s\n' "$environment"
