#!/bin/sh
# Post what `paydown $2 ...` says on the pull request, or update what was posted as preview $1 before.
set -eu
mark="<!-- paydown $1 preview -->"
shift
body=$(mktemp)
status=0
{
    # A block of code: names come from catalogs and tickets, and are nothing but text in it.
    printf '%s\n```text\n' "$mark"
    COLUMNS=120 .venv/bin/paydown "$@" || status=$?
    printf '```\n'
} > "$body"
cat "$body" >> "${GITHUB_STEP_SUMMARY:-/dev/null}"
issues="repos/$GITHUB_REPOSITORY/issues"
posted=$(gh api --paginate "$issues/$PULL_REQUEST/comments" \
    --jq ".[] | select(.body | startswith(\"$mark\")) | .id" | head -n 1)
if [ -n "$posted" ]; then
    gh api --method PATCH "$issues/comments/$posted" -F "body=@$body" > /dev/null
else
    gh api --method POST "$issues/$PULL_REQUEST/comments" -F "body=@$body" > /dev/null
fi
exit "$status"
