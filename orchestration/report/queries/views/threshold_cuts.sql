-- One row per factor: the values that its thresholds can be moved to, rising; those that the rubric
-- states and round numbers around them.
with stated as (
    select
        part_name as factor,
        unnest([low_threshold, medium_threshold, high_threshold]) as cut
    from rpt_rubric
    where part_kind = 'factor'
),

spans as (
    select factor, min(cut) / 5 as least, max(cut) * 5 as most
    from stated
    where cut > 0
    group by factor
),

-- Cast from text, so that 0.15 equals 0.15 in a file.
round_numbers as (
    select (digits || 'e' || power)::double as cut
    from unnest(['1', '1.2', '1.5', '2', '2.5', '3', '4', '5', '6', '8']) as mantissas (digits)
    cross join range(-9, 16) as powers (power)
),

offered as (
    select factor, cut, true as is_stated
    from stated
    where cut is not null
    union all
    select spans.factor, round_numbers.cut, false
    from spans
    inner join round_numbers on round_numbers.cut between spans.least and spans.most
    where
        case
            when spans.factor in ('blast_radius', 'dependency_centrality') then round_numbers.cut <= 1
            when spans.factor in ('repeats', 'ai_risk') then round_numbers.cut = floor(round_numbers.cut)
            else true
        end
),

-- As many as there are characters, one of which means "below all".
kept as (
    select factor, cut
    from offered
    group by factor, cut
    qualify row_number() over (partition by factor order by bool_or(is_stated) desc, cut) <= 61
)

select factor, list(cut order by cut) as cuts
from kept
group by factor
