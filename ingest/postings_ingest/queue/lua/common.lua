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
    return true
  elseif redis.call('ZREM', P .. ':waiting:' .. queue, id) == 1 then
    redis.call('HINCRBY', P .. ':counts', 'waiting', -documents)
    return true
  end
  return false
end

-- Beside each batch, what is needed to account for it should its key vanish: Redis may evict it.
local function create(id, payload, documents, job, queue, arrival)
  redis.call('HSET', batch_key(id), 'payload', payload, 'documents', documents, 'job', job, 'queue', queue,
    'arrival', arrival, 'deliveries', 0)
  redis.call('HSET', P .. ':batches', id, cjson.encode({job, queue, tonumber(documents)}))
  wait(id, queue, documents)
end

-- What is gone on purpose is remembered for a while: whoever comes late then knows that Redis didn't lose it.
local function forget(id)
  redis.call('DEL', batch_key(id))
  redis.call('HDEL', P .. ':batches', id)
  redis.call('SET', P .. ':done:' .. id, 1, 'EX', 600)
end

-- How it stands with a lease: 'held', 'taken' by another worker since, or 'lost': Redis holds no such batch any more.
local function holding(id, token)
  if redis.call('HGET', batch_key(id), 'token') == token then
    return 'held'
  elseif redis.call('EXISTS', batch_key(id), P .. ':done:' .. id) > 0 then
    return 'taken'
  end
  return 'lost'
end

local function count(job, field, number)
  local key = P .. ':job:' .. job
  redis.call('HINCRBY', key, field, number)
  redis.call('HSET', key, 'updated', now())
  redis.call('EXPIRE', key, 30 * 24 * 3600)
  redis.call('ZADD', P .. ':jobs', now(), job)
  redis.call('ZREMRANGEBYSCORE', P .. ':jobs', '-inf', now() - 30 * 24 * 3600 * 1000)
end

-- A job whose counts Redis lost begins anew: what is known of its batches counts as submitted, once.
local function readmit(job)
  local key = P .. ':job:' .. job
  if redis.call('EXISTS', key) == 1 then
    return
  end
  local open = 0
  for _, kept in ipairs(redis.call('HVALS', P .. ':batches')) do
    local owner, _, documents = unpack(cjson.decode(kept))
    if owner == job then
      open = open + documents
    end
  end
  redis.call('HSET', key, 'anew', now())
  count(job, 'submitted', open)
end

-- What its holder knows of a batch that Redis lost together with the counts of its job: they didn't begin anew with it.
local function vouch(id, job, arrival, documents)
  readmit(job)
  local anew = tonumber(redis.call('HGET', P .. ':job:' .. job, 'anew') or 0)
  if tonumber(arrival) < anew and redis.call('HEXISTS', P .. ':batches', id) == 0 then
    count(job, 'submitted', documents)
  end
end

-- The key of a batch that nobody holds has vanished: its documents have failed, so that their job doesn't wait for them.
local function bury(id, queues)
  local kept = redis.call('HGET', P .. ':batches', id)
  local documents = 0
  if kept then
    local job, queue
    job, queue, documents = unpack(cjson.decode(kept))
    leave(id, queue, documents)
    readmit(job)
    count(job, 'failed', documents)
    local reason = 'Redis lost the batch of ' .. documents .. ' documents before it was done: it was evicted or deleted'
    redis.call('XADD', P .. ':dead', '*', 'job', job, 'letter', cjson.encode({document = cjson.null,
      error = 'BatchLost', reason = reason, operation = {batch = id}, arrival = now()}))
  end
  redis.call('ZREM', P .. ':leased', id)
  local left = redis.call('ZCARD', P .. ':leased')
  for _, queue in ipairs(queues) do
    redis.call('ZREM', P .. ':waiting:' .. queue, id)
    left = left + redis.call('ZCARD', P .. ':waiting:' .. queue)
  end
  if left == 0 then  -- also where nobody knows any more how many documents the batch had
    redis.call('DEL', P .. ':counts')
  end
  forget(id)
  return documents
end
