-- Asks countersign whether a request is allowed, and copies the identity of the caller into its headers.
local ENDPOINT = "http://127.0.0.1:8080/forward-auth"
local TIMEOUT = 5000

-- What countersign reads of the client. A repeated header is passed on as it is: countersign rejects it.
local CREDENTIALS = { "authorization", "x-api-key" }
local IDENTITY = {
    "countersign-subject", "countersign-scopes", "countersign-scheme", "countersign-account", "countersign-environment",
    "countersign-credential", "countersign-issuer",
}
local OF_REJECTION = { "content-type", "cache-control", "retry-after", "www-authenticate" }

-- HAProxy counts the values of a header from 0, and those of its HTTP client from 1.
local function values(header)
    local list = {}
    for _, value in pairs(header or {}) do
        list[#list + 1] = value
    end
    return list
end

local function reject(txn, status, headers, body)
    local reply = txn:reply({ status = status })
    for _, name in ipairs(OF_REJECTION) do
        for _, value in ipairs(values(headers[name])) do
            reply:add_header(name, value)
        end
    end
    reply:set_body(body)
    txn:done(reply)
end

core.register_action("forward_auth", { "http-req" }, function(txn)
    local received = txn.http:req_get_headers()
    local asked = {
        ["x-original-method"] = { txn.sf:method() },
        ["x-original-uri"] = { txn.sf:pathq() },
        ["x-forwarded-for"] = { txn.sf:src() },
    }
    for _, name in ipairs(CREDENTIALS) do
        if received[name] then
            asked[name] = values(received[name])
        end
    end
    local client = core.httpclient()
    local done, response = pcall(client.get, client, { url = ENDPOINT, headers = asked, timeout = TIMEOUT })
    if not done or not response or not response.status then
        return reject(txn, 503, {}, "")
    end
    if response.status == 200 then
        for _, name in ipairs(IDENTITY) do
            local value = response.headers[name]
            if value then
                txn.http:req_set_header(name, values(value)[1])
            end
        end
        return
    end
    -- Anything but a rejection means that countersign cannot decide, or does not answer.
    local rejections = { [400] = true, [401] = true, [403] = true, [429] = true }
    local status = rejections[response.status] and response.status or 503
    reject(txn, status, response.headers or {}, response.body or "")
end)
