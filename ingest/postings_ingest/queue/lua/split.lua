-- Replace a batch by parts of it, in one step; one that Redis lost, too.
local id, token, job, queue, arrival, documents = unpack(ARGV, 1, 6)
local held = holding(id, token)
if held == 'taken' then
  return held
end
leave(id, queue, tonumber(documents))
vouch(id, job, arrival, documents)
forget(id)
for at = 7, #ARGV, 3 do
  create(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), job, queue, arrival)
end
return held
