#!/bin/sh
# Post what `paydown whatif` says of the rubric $1 on the pull request, or update what was posted.
set -eu
mark='<!-- paydown rubric preview -->'
body=$(mktemp)
status=0
{
    echo "$mark"
    .venv/bin/paydown whatif --scoring "$1" --months 6 --markdown
} > "$body" || status=$?
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
