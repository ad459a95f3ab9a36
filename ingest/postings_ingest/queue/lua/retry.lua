-- Turn a dead letter into a batch of its job, in one step.
local entry = redis.call('XRANGE', P .. ':dead', ARGV[1], ARGV[1])[1]
if not entry or redis.call('XDEL', P .. ':dead', ARGV[1]) == 0 then
  return 0
end
local job = entry[2][2]
if redis.call('EXISTS', P .. ':job:' .. job) == 1 then  -- it may have expired
  if tonumber(redis.call('HGET', P .. ':job:' .. job, 'failed') or 0) > 0 then
    count(job, 'failed', -1)
  else  -- it failed before Redis lost the job's counts
    count(job, 'submitted', 1)
  end
end
add_batch(ARGV[2], ARGV[3], 1, job, ARGV[4], ARGV[5])
return 1
