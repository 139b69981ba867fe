# Sourced by the shell entry points: finds python3 (3.9 or later, standard library only) or installs Debian's.

python=""
find_python() {
    for candidate in "${PYTHON:-python3}" /usr/bin/python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 9))' 2>/dev/null; then
            python=$candidate
            return 0
        fi
    done
    return 1
}

if ! find_python; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        echo "python3 is missing; installing Debian's" >&2
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends python3; } >&2
    fi
    if ! find_python; then
        echo "Needs python3, 3.9 or later (Debian: apt-get install python3)." >&2
        exit 2
    fi
fi
