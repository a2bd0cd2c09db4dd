# Prints a Python that can make the environment, or says in one line what is missing and ends with 1.
# PYTHON names the one to use; without it, the newest for which nothing is left out is preferred.
missing=""
for python in ${PYTHON:-python3.14 python3.13 python3.12 python3.11 python3.15 python3}; do
    "$python" -c "" 2>/dev/null || continue # absent, or a launcher with nothing behind it
    fault=$("$python" -c '
import sys
if sys.version_info < (3, 11):
    print("is too old: Python 3.11 or later is needed")
else:
    try:
        import ensurepip, venv
    except ImportError:
        print("cannot make environments (Debian, Ubuntu: apt-get install python%d.%d-venv)" % sys.version_info[:2])
')
    if [ -z "$fault" ]; then
        echo "$python"
        exit 0
    fi
    missing=${missing:-"$("$python" --version 2>&1) ($python) $fault"}
done
missing=${missing:-"no Python found${PYTHON:+ at $PYTHON}: install Python 3.11 or later"}
echo "$missing; or name another one, as in: make book PYTHON=python3.12" >&2
exit 1
