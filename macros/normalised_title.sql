{#
    What the titles of two similar incidents have in common: the words, without numbers, ids, hosts,
    dates and punctuation. "[FIRING:2] Disk 91% full on db-07.eu.example.com (2026-05-01)" and
    "[FIRING:1] Disk 88% full on db-03.eu.example.com" are both "firing disk full on". Null where no
    word is left.
#}
{% macro normalised_title(title) -%}
    {%- set months = 'jan(uary)?|feb(ruary)?|mar(ch)?|apr(il)?|may|june?|july?|aug(ust)?|sept?(ember)?'
        ~ '|oct(ober)?|nov(ember)?|dec(ember)?' -%}
    {#- What is replaced by what, in this order. -#}
    {%- set steps = [
        ("[[]|[]]|[(){}<>,;:=/|`~*#@!?+&%$^'–—…“”‘’«»·•→]|" ~ '["]', ' '),
        ('(^|[ ])[0-9]{1,2}(st|nd|rd|th)?[. -]+(of )?(' ~ months ~ ')([ .-]|$)', ' '),
        ('(^|[ ])(' ~ months ~ ')[. -]+[0-9]{1,2}(st|nd|rd|th)?([ .-]|$)', ' '),
        ('(^|[ ])[0-9]{1,2}(st|nd|rd|th)([ .-]|$)', ' '),
        ('[^[:space:]]*[a-z0-9][.][a-z0-9-]+[.][a-z][^[:space:]]*', ' '),
        ('[^[:space:]]*[0-9][^[:space:]]*[0-9][^[:space:]]*[0-9][^[:space:]]*', ' '),
        ('[0-9]+', ''),
        ('[-._]+', ' '),
        ('[[:space:]]+', ' '),
    ] -%}
    {%- set replaced = namespace(sql='lower(' ~ title ~ ')') -%}
    {%- for pattern, replacement in steps -%}
        {%- set replaced.sql = regex_replace(replaced.sql, pattern, replacement) -%}
    {%- endfor -%}
    nullif(trim({{ replaced.sql }}), '')
{%- endmacro %}
