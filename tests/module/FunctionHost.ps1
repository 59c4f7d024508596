# Runs the functions of an app as the Functions host does, with a storage queue: the timer once, then the function of
# the queue until the queue is empty. A message whose function throws becomes visible again, here at once, and goes to
# the poison queue after maxDequeueCount attempts. Used by Collector.Tests.ps1, in a process of its own.
param(
    [string] $App,
    # Address of the queue service, and a token for it.
    [string] $Queues,
    [string] $Token
)
$ErrorActionPreference = 'Stop'
$rules = (Get-Content $App/host.json -Raw | ConvertFrom-Json).extensions.queues

function Invoke-Queue([string] $Method, [string] $Path, [string] $Body) {
    $arguments = @{
        Method = $Method; Uri = "$Queues/$Path"; SkipCertificateCheck = $true; NoProxy = $true
        Headers = @{ Authorization = "Bearer $Token"; 'x-ms-version' = '2025-11-05' }
    }
    if ($Body) { $arguments += @{ Body = $Body; ContentType = 'application/xml' } }
    (Invoke-WebRequest @arguments).Content.TrimStart([char] 0xFEFF)
}

function Add-Message([string] $Queue, [string] $Text) {
    # As the host encodes it, unless host.json says otherwise.
    $encoded = [Convert]::ToBase64String([Text.Encoding]::UTF8.GetBytes($Text))
    $body = "<QueueMessage><MessageText>$encoded</MessageText></QueueMessage>"
    $null = Invoke-Queue POST "$Queue/messages" $body
}

function Get-Binding([string] $Function, [string] $Direction) {
    (Get-Content $App/$Function/function.json -Raw | ConvertFrom-Json).bindings | Where-Object direction -eq $Direction
}

# An array is one message per element.
function Push-OutputBinding($Name, $Value) {
    $binding = Get-Binding $running out | Where-Object name -eq $Name
    if (-not $binding) { throw "function.json of $running has no binding $Name" }
    foreach ($text in $Value) { Add-Message $binding.queueName "$text" }
}

$running = 'planJobs'
& $App/planJobs/run.ps1 *>&1

$running = 'exportDataset'
$trigger = Get-Binding exportDataset in
$queue = $trigger.queueName
while ($true) {
    $batch = ([xml](Invoke-Queue GET "$queue/messages?numofmessages=$($rules.batchSize)&visibilitytimeout=600"))
    $messages = @($batch.SelectNodes('//QueueMessage'))
    if (-not $messages) { break }
    foreach ($message in $messages) {
        $text = [Text.Encoding]::UTF8.GetString([Convert]::FromBase64String($message.MessageText))
        $receipt = "popreceipt=$([uri]::EscapeDataString($message.PopReceipt))"
        $id = "$queue/messages/$($message.MessageId)"
        $job = @{ $trigger.name = $text }
        try { & $App/exportDataset/run.ps1 @job *>&1 }
        catch {
            "$_"
            if ([int] $message.DequeueCount -lt $rules.maxDequeueCount) {
                $null = Invoke-Queue PUT "$id`?$receipt&visibilitytimeout=0"
                continue
            }
            Add-Message "$queue-poison" $text
        }
        $null = Invoke-Queue DELETE "$id`?$receipt"
    }
}
