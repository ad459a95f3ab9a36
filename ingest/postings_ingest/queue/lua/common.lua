-- Prepended to every script. KEYS[1] is the prefix of the keys of a collection's queue.
local P = KEYS[1]

local function now()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function batch_key(id)
  return P .. ':batch:' .. id
end

-- Until it is finished, a batch is in the set of leased batches or in that of its queue. The counts are of documents.
local function enqueue(id, queue, documents)
  redis.call('ZADD', P .. ':waiting:' .. queue, now(), id)
  redis.call('HINCRBY', P .. ':counts', 'waiting', documents)
end

local function dequeue(id, queue, documents)
  if redis.call('ZREM', P .. ':leased', id) == 1 then
    redis.call('HINCRBY', P .. ':counts', 'leased', -documents)
  elseif redis.call('ZREM', P .. ':waiting:' .. queue, id) == 1 then
    redis.call('HINCRBY', P .. ':counts', 'waiting', -documents)
  end
end

-- The hash of batches repeats what is needed to account for a batch if its key vanishes, because Redis may evict it.
local function add_batch(id, payload, documents, job, queue, arrival)
  redis.call('HSET', batch_key(id), 'payload', payload, 'documents', documents, 'job', job, 'queue', queue,
    'arrival', arrival, 'deliveries', 0)
  redis.call('HSET', P .. ':batches', id, cjson.encode({job, queue, tonumber(documents)}))
  enqueue(id, queue, documents)
end

-- Remember for ten minutes that a batch was removed on purpose, so that late calls don't take it for lost.
local function remove_batch(id)
  redis.call('DEL', batch_key(id))
  redis.call('HDEL', P .. ':batches', id)
  redis.call('SET', P .. ':done:' .. id, 1, 'EX', 600)
end

-- The state of a lease: 'valid', 'taken' by another worker since, or 'lost', which means that Redis has no such batch.
local function lease_state(id, token)
  if redis.call('HGET', batch_key(id), 'token') == token then
    return 'valid'
  elseif redis.call('EXISTS', batch_key(id), P .. ':done:' .. id) > 0 then
    return 'taken'
  end
  return 'lost'
end

local function list_job(key, job)
  redis.call('ZADD', key, now(), job)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now() - 30 * 24 * 3600 * 1000)
  redis.call('EXPIRE', key, 30 * 24 * 3600)
end

local function count(job, field, number)
  local key = P .. ':job:' .. job
  redis.call('HINCRBY', key, field, number)
  redis.call('HSET', key, 'updated', now())
  redis.call('EXPIRE', key, 30 * 24 * 3600)
  list_job(P .. ':jobs', job)
  local owner = job:match('^(%x+)%-%x+$')
  if owner then  -- a tenant, see job_ids.py
    list_job(P .. ':jobs:' .. owner, job)
  end
end

-- If Redis lost a job's counts, start them again: the documents of its known batches count as submitted, once.
local function restore_job(job)
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

-- If Redis lost a batch with its job's counts, the new counts lack it: its worker brings back what it knows.
local function restore_submitted(id, job, arrival, documents)
  restore_job(job)
  local anew = tonumber(redis.call('HGET', P .. ':job:' .. job, 'anew') or 0)
  if tonumber(arrival) < anew and redis.call('HEXISTS', P .. ':batches', id) == 0 then
    count(job, 'submitted', documents)
  end
end

-- The key of a batch that no worker has leased is lost: its documents fail, so that nobody waits for them.
local function fail_lost_batch(id, queues)
  local kept = redis.call('HGET', P .. ':batches', id)
  local documents = 0
  if kept then
    local job, queue
    job, queue, documents = unpack(cjson.decode(kept))
    dequeue(id, queue, documents)
    restore_job(job)
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
  if left == 0 then  -- even if it isn't known how many documents the batch had
    redis.call('DEL', P .. ':counts')
  end
  remove_batch(id)
  return documents
end
