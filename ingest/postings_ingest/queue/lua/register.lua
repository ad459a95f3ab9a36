-- Accept a batch, unless the queue is full. Repeating it changes nothing.
local id, payload, documents, job, queue = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local high_water, last = tonumber(ARGV[6]), tonumber(ARGV[7])
local key = P .. ':job:' .. job
local known = redis.call('HMGET', key, 'last', 'arrival')
-- The second condition: a repeat that arrives after later batches of the job.
if known[1] == id or (last > 0 and tonumber(known[2] or 0) > last) then
  return {'registered', known[2]}
end
local before = redis.call('HGET', batch_key(id), 'arrival')
if before then  -- a repeat, and Redis lost the job's counts in between
  restore_job(job)
  return {'registered', before}
end
-- Leave room for what workers write: otherwise the queue could never become shorter.
local memory = redis.call('INFO', 'memory')
local used, most = tonumber(memory:match('used_memory:(%d+)')), tonumber(memory:match('maxmemory:(%d+)'))
if most > 0 and used > 0.8 * most then
  return {'no memory', tostring(used), tostring(most)}
end
local counts = redis.call('HMGET', P .. ':counts', 'waiting', 'leased')
local outstanding = tonumber(counts[1] or 0) + tonumber(counts[2] or 0)
if outstanding > 0 and outstanding + documents > high_water then
  return {'full', tostring(outstanding)}
end
-- Arrivals are unique and increasing: of two revisions of a document, the one accepted later is newer.
local arrival = math.max(now(), tonumber(redis.call('GET', P .. ':clock') or 0) + 1, last + 1)
arrival = string.format('%.0f', arrival)
redis.call('SET', P .. ':clock', arrival)
if last > 0 then
  restore_job(job)
end
add_batch(id, payload, documents, job, queue, arrival)
redis.call('HSET', key, 'last', id, 'arrival', arrival)
redis.call('HSETNX', key, 'created', now())
count(job, 'submitted', documents)
return {'registered', arrival}
