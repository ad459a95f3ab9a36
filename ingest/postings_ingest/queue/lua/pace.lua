-- Reserve the time that some work may take by the rate of all workers together; returns the ms to wait for its end.
local took, key = tonumber(ARGV[1]), P .. ':pace'
local ends = math.max(now() - took, tonumber(redis.call('GET', key) or 0)) + took
redis.call('SET', key, string.format('%.0f', ends), 'PX', math.max(ends - now(), 1) + 60000)
return math.max(ends - now(), 0)
