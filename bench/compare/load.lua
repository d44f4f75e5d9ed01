-- What wrk sends: -- SCENARIO SEED USERS TOKENS PATH
-- SEED: eight characters that no other run has, so that no code comes twice. An openid is the first
-- 28 characters of the code (see wechat.conf). TOKENS: a file, a token a line, "-": none.
local tokens, next_request = {}, nil
local serial = 0

local function post(path, body)
    return "POST " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: "
        .. #body .. "\r\n\r\n" .. body
end

local function get(path, token)
    local authorization = token and "Authorization: Bearer " .. token .. "\r\n" or ""
    return "GET " .. path .. " HTTP/1.1\r\nHost: 127.0.0.1\r\n" .. authorization .. "\r\n"
end

-- Requests that are made beforehand, in turns
local function in_turns(requests)
    return function()
        serial = serial % #requests + 1
        return requests[serial]
    end
end

local makers = {}

makers["sign-in"] = function(seed, users, path)
    local blank = ("x"):rep(46) -- a code is as long as this
    local head, tail = post(path, '{"code":"' .. blank .. '"}'):match("^(.*)" .. blank .. "(.*)$")
    -- someone of those who are there, or somebody new
    local known = users > 0
    local format = string.format
    return function()
        serial = serial + 1
        if known then
            return head .. format("oKnown0001%018d-%s-%08d", math.random(1, users), seed, serial) .. tail
        end
        return head .. format("oN%s%018d-%s-%08d", seed, serial, seed, serial) .. tail
    end
end

makers["refresh"] = function(_, _, path)
    local requests = {}
    for i, token in ipairs(tokens) do
        requests[i] = post(path, '{"refresh":"' .. token .. '"}')
    end
    return in_turns(requests)
end

makers["get"] = function(_, _, path)
    local requests = { get(path) }
    for i, token in ipairs(tokens) do
        requests[i] = get(path, token)
    end
    return in_turns(requests)
end

makers["post"] = function(seed, _, path)
    return in_turns({ post(path, '{"code":"081Kq4Ga1MSox41ufcFa1Xx2' .. seed .. '"}') })
end

function init(args)
    local scenario, seed, users, file, path = args[1], args[2], tonumber(args[3]), args[4], args[5]
    if file ~= "-" then
        for line in io.lines(file) do
            tokens[#tokens + 1] = line
        end
    end
    math.randomseed(tonumber(seed, 16) or 1)
    next_request = makers[scenario](seed, users, path)
end

function request()
    return next_request()
end

function done(summary, latency)
    local e = summary.errors
    print(string.format('\n{"requests": %d, "us": %d, "p50": %.3f, "p99": %.3f, "lost": %d, "refused": %d}',
        summary.requests, summary.duration, latency:percentile(50) / 1000, latency:percentile(99) / 1000,
        e.connect + e.read + e.write + e.timeout, e.status))
end
