{#
    dbt's own materialization of a data test, which reports only how many rows failed. This one prints
    the first of them as well, so that the output names what is wrong and where.
#}
{% materialization test, default %}
    {% set result = dbt.materialization_test_default() %}
    {% if load_result('main')['data'][0][0] > 0 %}
        {% for row in run_query(get_limit_subquery_sql(sql, 20)) %}
            {% set values = [] %}
            {% for name, value in row.dict().items() %}
                {% do values.append(name ~ '=' ~ value) %}
            {% endfor %}
            {% do print(model.name ~ ': ' ~ values | join(', ')) %}
        {% endfor %}
    {% endif %}
    {{ return(result) }}
{% endmaterialization %}
