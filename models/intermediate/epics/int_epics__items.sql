with jira as (
    select * from {{ ref('int_epics__jira') }}
),

azure_devops as (
    select * from {{ ref('int_epics__azure_devops') }}
),

local_files as (
    select * from {{ ref('int_epics__local') }}
),

unioned as (
    select * from jira
    union all
    select * from azure_devops
    union all
    select * from local_files
)

select * from unioned
