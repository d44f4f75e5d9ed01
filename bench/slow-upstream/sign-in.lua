-- wrk: each request signs in with a code of its own
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
local thread = 0
function setup(t) t:set("id", thread); thread = thread + 1 end
function init() math.randomseed(os.time() * 8 + id); run = math.random(1, 1e9); count = 0 end
function request()
   count = count + 1
   return wrk.format(nil, "/api/login/", nil, string.format('{"code":"load-%d-%d-%d"}', id, run, count))
end
