-- What wrk asks a service for: lists of people drawn by chance, as `benchmarks.serve --wrk` calls it.
local people = tonumber(os.getenv("PEOPLE"))
math.randomseed(os.time())
request = function()
  return wrk.format("GET", "/v1/users/" .. math.random(0, people - 1) .. "/recommendations")
end
