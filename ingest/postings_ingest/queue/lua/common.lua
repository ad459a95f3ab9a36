-- Prepended to every script. KEYS[1] is the prefix of all keys of a collection's queue.
local P = KEYS[1]

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function batch_key(id)
  return P .. ':batch:' .. id
end

-- A batch is in one of these sets until it is finished; the counts are of documents.
local function wait(id, queue, documents)
  redis.call('ZADD', P .. ':waiting:' .. queue, now(), id)
  redis.call('HINCRBY', P .. ':counts', 'waiting', documents)
end

local function leave(id, queue, documents)
  if redis.call('ZREM', P .. ':leased', id) == 1 then
    redis.call('HINCRBY', P .. ':counts', 'leased', -documents)
  elseif redis.call('ZREM', P .. ':waiting:' .. queue, id) == 1 then
    redis.call('HINCRBY', P .. ':counts', 'waiting', -documents)
  end
end

local function create(id, payload, documents, job, queue, arrival)
  redis.call('HSET', batch_key(id), 'payload', payload, 'documents', documents, 'job', job, 'queue', queue,
    'arrival', arrival, 'deliveries', 0)
  wait(id, queue, documents)
end

local function count(job, field, number)
  local key = P .. ':job:' .. job
  redis.call('HINCRBY', key, field, number)
  redis.call('HSET', key, 'updated', now())
  redis.call('EXPIRE', key, 30 * 24 * 3600)
  redis.call('ZADD', P .. ':jobs', now(), job)
  redis.call('ZREMRANGEBYSCORE', P .. ':jobs', '-inf', now() - 30 * 24 * 3600 * 1000)
end
