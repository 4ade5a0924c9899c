{# A hash of a row's values: equal rows have equal numbers. Only sums of it are stored. #}
{% macro row_hash(columns) -%}
    {{ return(adapter.dispatch('row_hash', 'paydown')(columns)) }}
{%- endmacro %}

{% macro default__row_hash(columns) -%}
    hash({{ columns | join(', ') }})
{%- endmacro %}

{% macro postgres__row_hash(columns) -%}
    hashtextextended(concat_ws(
        '|',
        {%- for column in columns %}
        coalesce(cast({{ column }} as text), '~'){{ ',' if not loop.last }}
        {%- endfor %}
    ), 0)
{%- endmacro %}

{# Its own hash ignores nulls, and a sum of 64-bit numbers may overflow 64 bits. #}
{% macro spark__row_hash(columns) -%}
    cast(xxhash64(concat_ws(
        '|',
        {%- for column in columns %}
        coalesce(cast({{ column }} as string), '~'){{ ',' if not loop.last }}
        {%- endfor %}
    )) as numeric(20, 0))
{%- endmacro %}

{# It has no concat_ws; each hash is the seed of the next one. #}
{% macro redshift__row_hash(columns) -%}
    {%- set hash = namespace(sql='0') -%}
    {%- for column in columns -%}
        {%- set hash.sql = 'fnv_hash(coalesce(cast(' ~ column ~ " as varchar), '~'), " ~ hash.sql ~ ')' -%}
    {%- endfor -%}
    cast({{ hash.sql }} as numeric(20, 0))
{%- endmacro %}

{# A sum of 64-bit numbers may overflow 64 bits. #}
{% macro bigquery__row_hash(columns) -%}
    cast(farm_fingerprint(concat(
        {%- for column in columns %}
        coalesce(cast({{ column }} as string), '~'){{ ", '|'," if not loop.last }}
        {%- endfor %}
    )) as numeric)
{%- endmacro %}
