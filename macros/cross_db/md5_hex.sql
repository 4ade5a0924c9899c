{# The MD5 of a text's UTF-8 bytes, as 32 lower-case hexadecimal digits. #}
{% macro md5_hex(text) -%}
    {{ return(adapter.dispatch('md5_hex', 'paydown')(text)) }}
{%- endmacro %}

{% macro default__md5_hex(text) -%}
    md5({{ text }})
{%- endmacro %}

{% macro bigquery__md5_hex(text) -%}
    to_hex(md5({{ text }}))
{%- endmacro %}
