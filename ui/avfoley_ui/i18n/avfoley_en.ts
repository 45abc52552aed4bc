<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en" sourcelanguage="en">
<context>
    <name>Controller</name>
    <message numerus="yes">
        <source>Looking for events in %n shot(s)…</source>
        <translation>
            <numerusform>Looking for events in %n shot…</numerusform>
            <numerusform>Looking for events in %n shots…</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n event(s) marked.</source>
        <translation>
            <numerusform>%n event marked.</numerusform>
            <numerusform>%n events marked.</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>MakingForm</name>
    <message numerus="yes">
        <source>Regenerate changed (%n)</source>
        <translation>
            <numerusform>Regenerate changed (%n)</numerusform>
            <numerusform>Regenerate changed (%n)</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n solver step(s)</source>
        <translation>
            <numerusform>%n solver step</numerusform>
            <numerusform>%n solver steps</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n shot(s), {0} s</source>
        <translation>
            <numerusform>%n shot, {0} s</numerusform>
            <numerusform>%n shots, {0} s</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>QueueView</name>
    <message numerus="yes">
        <source>%n shot(s) to go</source>
        <translation>
            <numerusform>%n shot to go</numerusform>
            <numerusform>%n shots to go</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n failed</source>
        <translation>
            <numerusform>%n failed</numerusform>
            <numerusform>%n failed</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>ShotsModel</name>
    <message numerus="yes">
        <source>%n take(s)</source>
        <translation>
            <numerusform>%n take</numerusform>
            <numerusform>%n takes</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n frame(s)</source>
        <translation>
            <numerusform>%n frame</numerusform>
            <numerusform>%n frames</numerusform>
        </translation>
    </message>
</context>
</TS>
