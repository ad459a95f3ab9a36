-- Extend the leases of a worker's batches.
for at = 2, #ARGV do
  redis.call('ZADD', P .. ':leased', 'XX', now() + tonumber(ARGV[1]), ARGV[at])
end
