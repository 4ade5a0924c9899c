#!/usr/bin/env bash
# Superset on loopback with the dashboard of bundle/, over the published marts, read only.
# Its state, its key and the password of its user `admin` are in $PAYDOWN_HOME/bi.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
bin=$(cd "$here/../../.venv-bi/bin" && pwd)
home=$(realpath -m "${PAYDOWN_HOME:?names the folder of a run}")
published="$home/published/current/paydown.duckdb"
port=${PAYDOWN_BI_PORT:-8088}
if [ ! -e "$published" ]; then
    echo "nothing was published yet in $home; run \`paydown run\` first" >&2
    exit 1
fi

export SUPERSET_HOME="$home/bi" SUPERSET_CONFIG_PATH="$here/superset_config.py" FLASK_APP=superset
export SCARF_ANALYTICS=false PYTHONWARNINGS=ignore
umask 077
mkdir -p "$SUPERSET_HOME"
for secret in secret_key password; do
    [ -s "$SUPERSET_HOME/$secret" ] ||
        "$bin/python" -c 'import secrets; print(secrets.token_urlsafe(32))' >"$SUPERSET_HOME/$secret"
done

# Steps that need minutes run once for each version of Superset.
set_up() {
    if ! cmp -s "$here/requirements.lock" "$SUPERSET_HOME/set_up_for"; then
        "$bin/superset" db upgrade &&
            { "$bin/superset" fab list-users | grep -q "username:admin" ||
                "$bin/superset" fab create-admin --username admin --firstname Pay \
                    --lastname Down --email admin@localhost.invalid \
                    --password "$(cat "$SUPERSET_HOME/password")"; } &&
            "$bin/superset" init &&
            cp "$here/requirements.lock" "$SUPERSET_HOME/set_up_for" || return 1
    fi
    # It only logs what it rejects.
    "$bin/python" "$here/bundle.py" "$published" "$SUPERSET_HOME/bundle" &&
        "$bin/superset" import-directory --overwrite "$SUPERSET_HOME/bundle" &&
        ! grep -q "An error occurred" "$SUPERSET_HOME/setup.log"
}
echo "setting up Superset in $SUPERSET_HOME (minutes the first time)"
if ! set_up >"$SUPERSET_HOME/setup.log" 2>&1; then
    tail -n 20 "$SUPERSET_HOME/setup.log" >&2
    echo "Superset could not be set up; all of it is in $SUPERSET_HOME/setup.log" >&2
    exit 1
fi
echo "http://127.0.0.1:$port/superset/dashboard/paydown/ as admin, password in $SUPERSET_HOME/password"
exec "$bin/superset" run --host 127.0.0.1 --port "$port" --with-threads
