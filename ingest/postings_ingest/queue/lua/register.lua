-- Accept a batch, unless the queue is full. Repeated with the same sequence, it changes nothing.
local id, payload, documents, job, queue = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local high_water, sequence, last, later = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local key = P .. ':job:' .. job
if sequence <= tonumber(redis.call('HGET', key, 'sequence') or 0) then
  return {'registered', redis.call('HGET', key, 'arrival')}
end
local counts = redis.call('HMGET', P .. ':counts', 'waiting', 'leased')
local outstanding = tonumber(counts[1] or 0) + tonumber(counts[2] or 0)
if outstanding > 0 and outstanding + documents > high_water then
  return {'full', tostring(outstanding)}
end
local clock = math.max(now(), tonumber(redis.call('GET', P .. ':clock') or 0))
redis.call('SET', P .. ':clock', string.format('%.0f', clock))
local arrival = string.format('%.0f', math.max(clock, last + later))
create(id, payload, documents, job, queue, arrival)
redis.call('HSET', key, 'sequence', sequence, 'arrival', arrival)
redis.call('HSETNX', key, 'created', now())
count(job, 'submitted', documents)
return {'registered', arrival}
