<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>About</name>
    <message>
        <source>About GrokDesk</source>
        <translation>关于 GrokDesk</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>GrokDesk does not look for new versions.</source>
        <translation>GrokDesk 不会查找新版本。</translation>
    </message>
    <message>
        <source>GrokDesk has not looked for a new version yet.</source>
        <translation>GrokDesk 还没有查找过新版本。</translation>
    </message>
    <message>
        <source>It could not be found out whether there is a new version: %1</source>
        <translation>无法得知是否有新版本：%1</translation>
    </message>
    <message>
        <source>Look now</source>
        <translation>立即查找</translation>
    </message>
    <message>
        <source>Looking for a new version…</source>
        <translation>正在查找新版本…</translation>
    </message>
    <message>
        <source>Open the page</source>
        <translation>打开页面</translation>
    </message>
    <message>
        <source>Show the setting</source>
        <translation>显示该设置</translation>
    </message>
    <message>
        <source>This is the newest version. Looked %1.</source>
        <translation>这是最新版本。查找时间：%1。</translation>
    </message>
    <message>
        <source>Version %1</source>
        <translation>版本 %1</translation>
    </message>
    <message>
        <source>Version %1 is there.</source>
        <translation>有新版本 %1。</translation>
    </message>
    <message>
        <source>What is new</source>
        <translation>新增内容</translation>
    </message>
    <message>
        <source>Your Grok accounts for the programs on this computer. MIT licence. Not affiliated with xAI.</source>
        <translation>让这台电脑上的程序使用你的 Grok 账号。MIT 许可证。与 xAI 无关联。</translation>
    </message>
</context>
<context>
    <name>AccountActs</name>
    <message>
        <source>%1 changed.</source>
        <translation>已更改%1。</translation>
    </message>
    <message>
        <source>%1 has its new token.</source>
        <translation>%1 已有新令牌。</translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) are now: %1.</source>
        <translation>
            <numerusform>%n 个账号现在为：%1。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) bound to a way out.</source>
        <translation>
            <numerusform>已为 %n 个账号绑定出口。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) exported to %1.</source>
        <translation>
            <numerusform>已将 %n 个账号导出到 %1。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) leave by any way out.</source>
        <translation>
            <numerusform>%n 个账号可走任意出口。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) switched off.</source>
        <translation>
            <numerusform>已停用 %n 个账号。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) switched on.</source>
        <translation>
            <numerusform>已启用 %n 个账号。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) tagged: %1</source>
        <translation>
            <numerusform>已为 %n 个账号添加标签：%1</numerusform>
        </translation>
    </message>
    <message>
        <source>Accounts (*.%1);;All files (*)</source>
        <translation>账号 (*.%1);;所有文件 (*)</translation>
    </message>
    <message>
        <source>As Grok says</source>
        <translation>以 Grok 所说为准</translation>
    </message>
    <message numerus="yes">
        <source>Check %n account(s)</source>
        <translation>
            <numerusform>检查 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>Copy token</source>
        <translation>复制令牌</translation>
    </message>
    <message numerus="yes">
        <source>Delete all files of %n account(s) at Grok?</source>
        <translation>
            <numerusform>在 Grok 删除 %n 个账号的所有文件？</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Delete files of %n account(s)</source>
        <translation>
            <numerusform>删除 %n 个账号的文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Delete the files of %n account(s) at Grok…</source>
        <translation>
            <numerusform>删除 %n 个账号在 Grok 上的文件…</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Export %n account(s)…</source>
        <translation>
            <numerusform>导出 %n 个账号…</numerusform>
        </translation>
    </message>
    <message>
        <source>Export accounts</source>
        <translation>导出账号</translation>
    </message>
    <message numerus="yes">
        <source>Fetch the files of %n account(s)</source>
        <translation>
            <numerusform>取回 %n 个账号的文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Hide adult content with %n account(s)</source>
        <translation>
            <numerusform>为 %n 个账号隐藏成人内容</numerusform>
        </translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
    <message numerus="yes">
        <source>Remove %n account(s)</source>
        <translation>
            <numerusform>移除 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>Replace token…</source>
        <translation>更换令牌…</translation>
    </message>
    <message numerus="yes">
        <source>Show adult content with %n account(s)…</source>
        <translation>
            <numerusform>为 %n 个账号显示成人内容…</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Switch off %n account(s)</source>
        <translation>
            <numerusform>停用 %n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Switch on %n account(s)</source>
        <translation>
            <numerusform>启用 %n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Tag %n account(s)…</source>
        <translation>
            <numerusform>为 %n 个账号添加标签…</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Tag taken from %n account(s): %1</source>
        <translation>
            <numerusform>已从 %n 个账号去掉标签：%1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Take a tag from %n account(s)…</source>
        <translation>
            <numerusform>从 %n 个账号去掉标签…</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The tier of %n account(s) is what Grok says.</source>
        <translation>
            <numerusform>%n 个账号的等级以 Grok 所说为准。</numerusform>
        </translation>
    </message>
    <message>
        <source>They are gone at Grok for good. What is in the library here stays.</source>
        <translation>它们将从 Grok 永久消失。这里媒体库中的内容会保留。</translation>
    </message>
    <message numerus="yes">
        <source>Tier of %n account(s)</source>
        <translation>
            <numerusform>%n 个账号的等级</numerusform>
        </translation>
    </message>
    <message>
        <source>Token copied. The clipboard is cleared in 60 s.</source>
        <translation>已复制令牌。剪贴板将在 60 秒后清空。</translation>
    </message>
    <message numerus="yes">
        <source>Way out of %n account(s)…</source>
        <translation>
            <numerusform>%n 个账号的出口…</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>AccountDetails</name>
    <message>
        <source>Edits</source>
        <translation>编辑</translation>
    </message>
    <message>
        <source>Films</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>Films, 720p</source>
        <translation>视频，720p</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Pictures, quality</source>
        <translation>图片，高质量</translation>
    </message>
</context>
<context>
    <name>AccountDialogs</name>
    <message>
        <source>Any way out, as the settings say</source>
        <translation>任意出口，按设置选择</translation>
    </message>
    <message>
        <source>Directly, without a proxy</source>
        <translation>直接连接，不用代理</translation>
    </message>
</context>
<context>
    <name>AccountFilters</name>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message numerus="yes">
        <source>%n chosen</source>
        <translation>
            <numerusform>已选 %n 项</numerusform>
        </translation>
    </message>
    <message>
        <source>All of them</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Nothing to choose</source>
        <translation>没有可选项</translation>
    </message>
</context>
<context>
    <name>Accounts</name>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Adult</source>
        <translation>成人内容</translation>
    </message>
    <message>
        <source>Answers</source>
        <translation>回答数</translation>
    </message>
    <message>
        <source>Any way out</source>
        <translation>任意出口</translation>
    </message>
    <message>
        <source>Blocked by Grok</source>
        <translation>被 Grok 封禁</translation>
    </message>
    <message>
        <source>Cooling</source>
        <translation>冷却中</translation>
    </message>
    <message>
        <source>Failures</source>
        <translation>失败数</translation>
    </message>
    <message>
        <source>Last used</source>
        <translation>上次使用</translation>
    </message>
    <message>
        <source>Left</source>
        <translation>剩余</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>On</source>
        <translation>开</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>可用</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>进行中</translation>
    </message>
    <message>
        <source>Signed out</source>
        <translation>登录失效</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Success</source>
        <translation>成功率</translation>
    </message>
    <message>
        <source>Switched off</source>
        <translation>已停用</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Tier</source>
        <translation>等级</translation>
    </message>
    <message>
        <source>Via</source>
        <translation>出口</translation>
    </message>
</context>
<context>
    <name>AccountsPane</name>
    <message>
        <source>%1 of %2 shown</source>
        <translation>显示 %1 / %2 个</translation>
    </message>
    <message>
        <source>Accounts</source>
        <translation>账号</translation>
    </message>
    <message numerus="yes">
        <source>Act on %n selected</source>
        <translation>
            <numerusform>操作所选的 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Act on %n shown</source>
        <translation>
            <numerusform>操作显示的 %n 个</numerusform>
        </translation>
    </message>
    <message>
        <source>Act on accounts</source>
        <translation>操作账号</translation>
    </message>
    <message numerus="yes">
        <source>Act on all %n</source>
        <translation>
            <numerusform>操作全部 %n 个</numerusform>
        </translation>
    </message>
    <message>
        <source>Add accounts…</source>
        <translation>添加账号…</translation>
    </message>
    <message>
        <source>Clear filters</source>
        <translation>清除筛选</translation>
    </message>
    <message>
        <source>Columns and order</source>
        <translation>列和顺序</translation>
    </message>
    <message>
        <source>No account matches</source>
        <translation>没有符合的账号</translation>
    </message>
    <message>
        <source>No accounts yet</source>
        <translation>还没有账号</translation>
    </message>
    <message>
        <source>Nothing fits the search and the filters chosen above.</source>
        <translation>没有符合上方搜索和筛选的内容。</translation>
    </message>
    <message>
        <source>Paste tokens or drop a file. Tokens are stored encrypted on this computer.</source>
        <translation>粘贴令牌，或拖入文件。令牌加密保存在这台电脑上。</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Search accounts</source>
        <translation>搜索账号</translation>
    </message>
    <message>
        <source>Search by name, mail, token end, tag, note or reason</source>
        <translation>按名称、邮箱、令牌末尾、标签、备注或原因搜索</translation>
    </message>
    <message>
        <source>There is no token in the clipboard.</source>
        <translation>剪贴板中没有令牌。</translation>
    </message>
</context>
<context>
    <name>Actions</name>
    <message>
        <source>%1 (%2)</source>
        <translation>%1（%2）</translation>
    </message>
    <message>
        <source>Gateway</source>
        <translation>网关</translation>
    </message>
    <message>
        <source>In what is shown</source>
        <translation>当前页面</translation>
    </message>
    <message>
        <source>Places</source>
        <translation>导航</translation>
    </message>
    <message>
        <source>Program</source>
        <translation>程序</translation>
    </message>
    <message>
        <source>Windows</source>
        <translation>窗口</translation>
    </message>
</context>
<context>
    <name>AddAccounts</name>
    <message numerus="yes">
        <source>%n already there</source>
        <translation>
            <numerusform>%n 个已存在</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n line(s) not understood</source>
        <translation>
            <numerusform>%n 行无法识别</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n named twice</source>
        <translation>
            <numerusform>%n 个重复出现</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n new account(s)</source>
        <translation>
            <numerusform>%n 个新账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n removed</source>
        <translation>
            <numerusform>移除了 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n updated</source>
        <translation>
            <numerusform>更新了 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n with a new token</source>
        <translation>
            <numerusform>%n 个有新令牌</numerusform>
        </translation>
    </message>
    <message>
        <source>Accounts (*.txt *.json *.jsonl *.csv *.tsv *.db);;All files (*)</source>
        <translation>账号 (*.txt *.json *.jsonl *.csv *.tsv *.db);;所有文件 (*)</translation>
    </message>
    <message>
        <source>Accounts that are here already</source>
        <translation>已存在的账号</translation>
    </message>
    <message>
        <source>Accounts that are here already:</source>
        <translation>已存在的账号：</translation>
    </message>
    <message>
        <source>Accounts to add</source>
        <translation>要添加的账号</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message numerus="yes">
        <source>Add %n account(s)</source>
        <translation>
            <numerusform>添加 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>Add accounts</source>
        <translation>添加账号</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Choose file…</source>
        <translation>选择文件…</translation>
    </message>
    <message>
        <source>Found out by itself</source>
        <translation>自动判断</translation>
    </message>
    <message>
        <source>From %1</source>
        <translation>来自 %1</translation>
    </message>
    <message>
        <source>Leave them as they are</source>
        <translation>保持不变</translation>
    </message>
    <message>
        <source>Nothing to add yet.</source>
        <translation>还没有可添加的内容。</translation>
    </message>
    <message>
        <source>Or drop a file anywhere on this window.</source>
        <translation>也可以把文件拖到窗口任意位置。</translation>
    </message>
    <message>
        <source>Paste tokens here, one on a line. Cookies, curl commands, tables and exports work too.</source>
        <translation>在此粘贴令牌，每行一个。也可以粘贴 Cookie、curl 命令、表格和导出内容。</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>正在读取…</translation>
    </message>
    <message numerus="yes">
        <source>Remove %n</source>
        <translation>
            <numerusform>移除 %n 个</numerusform>
        </translation>
    </message>
    <message>
        <source>Tags for all of them</source>
        <translation>用于全部账号的标签</translation>
    </message>
    <message>
        <source>Tags for all of them, parted by commas</source>
        <translation>用于全部账号的标签，用逗号分隔</translation>
    </message>
    <message>
        <source>Tier of these accounts</source>
        <translation>这些账号的等级</translation>
    </message>
    <message>
        <source>Tier:</source>
        <translation>等级：</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>令牌</translation>
    </message>
    <message>
        <source>Tokens stay on this computer, encrypted. Nothing is saved before you press Add.</source>
        <translation>令牌加密保存在这台电脑上。按下“添加”之前不会保存任何内容。</translation>
    </message>
    <message numerus="yes">
        <source>Update %n</source>
        <translation>
            <numerusform>更新 %n 个</numerusform>
        </translation>
    </message>
    <message>
        <source>Update them with what is said here</source>
        <translation>用这里的内容更新</translation>
    </message>
    <message>
        <source>Update them, and remove all others</source>
        <translation>更新它们，并移除其他所有账号</translation>
    </message>
    <message>
        <source>What would happen</source>
        <translation>将会发生什么</translation>
    </message>
    <message numerus="yes">
        <source>remove %n</source>
        <translation>
            <numerusform>移除 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>update %n</source>
        <translation>
            <numerusform>更新 %n 个</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>AddWays</name>
    <message numerus="yes">
        <source>%n already in the list</source>
        <translation>
            <numerusform>%n 个已在列表中</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n named twice</source>
        <translation>
            <numerusform>%n 个重复出现</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n new</source>
        <translation>
            <numerusform>%n 个新的</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n not understood</source>
        <translation>
            <numerusform>%n 个无法识别</numerusform>
        </translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message numerus="yes">
        <source>Add %n way(s) out</source>
        <translation>
            <numerusform>添加 %n 个出口</numerusform>
        </translation>
    </message>
    <message>
        <source>Add proxies</source>
        <translation>添加代理</translation>
    </message>
    <message>
        <source>Addresses of proxies</source>
        <translation>代理地址</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Leave through proxies from now on</source>
        <translation>以后通过代理连接</translation>
    </message>
    <message>
        <source>Line %1: %2.</source>
        <translation>第 %1 行：%2。</translation>
    </message>
    <message>
        <source>Nothing to add yet.</source>
        <translation>还没有可添加的内容。</translation>
    </message>
    <message>
        <source>One on a line, or parted by commas; http, https, socks4 and socks5. Passwords stay on this computer, encrypted.</source>
        <translation>每行一个，或用逗号分隔；支持 http、https、socks4 和 socks5。密码加密保存在这台电脑上。</translation>
    </message>
    <message>
        <source>Reading…</source>
        <translation>正在读取…</translation>
    </message>
    <message>
        <source>Used for:</source>
        <translation>用于：</translation>
    </message>
    <message>
        <source>What would happen</source>
        <translation>将会发生什么</translation>
    </message>
    <message>
        <source>socks5://name:password@host:1080
host:8080:name:password
http://host:8080
direct</source>
        <translation>socks5://name:password@host:1080
host:8080:name:password
http://host:8080
direct</translation>
    </message>
</context>
<context>
    <name>Adult</name>
    <message>
        <source>Allow</source>
        <translation>允许</translation>
    </message>
    <message>
        <source>Allow adult content?</source>
        <translation>允许成人内容？</translation>
    </message>
    <message>
        <source>Grok is then asked not to hold back adult pictures. What it withholds all the same stays withheld. Only switch this on if you are an adult. Your accounts stay as they are: each has a switch of its own under Accounts.</source>
        <translation>允许后会请 Grok 不要屏蔽成人图片；它仍不予显示的内容不会显示。仅当你是成年人时才开启。你的账号不受影响：每个账号在“账号”页面中另有开关。</translation>
    </message>
    <message>
        <source>Keep it off</source>
        <translation>保持关闭</translation>
    </message>
</context>
<context>
    <name>Advice</name>
    <message>
        <source>Ask again.</source>
        <translation>请再问一次。</translation>
    </message>
    <message>
        <source>Ask for something else.</source>
        <translation>请换个内容再试。</translation>
    </message>
    <message>
        <source>Ask something else, or try again much later.</source>
        <translation>请换个问题，或很久以后再试。</translation>
    </message>
    <message>
        <source>Change grok_web.statsig or egress.user_agent, or use another proxy.</source>
        <translation>请更改 grok_web.statsig 或 egress.user_agent，或改用其他代理。</translation>
    </message>
    <message>
        <source>Check the account at grok.com, or try again later.</source>
        <translation>请到 grok.com 查看该账号，或稍后再试。</translation>
    </message>
    <message>
        <source>Check the proxy&apos;s address under Network.</source>
        <translation>请在“网络”中检查代理地址。</translation>
    </message>
    <message>
        <source>Check the proxy&apos;s address, or bind the account to another way out.</source>
        <translation>请检查代理地址，或为该账号绑定其他出口。</translation>
    </message>
    <message>
        <source>Describe something else.</source>
        <translation>请换一种描述。</translation>
    </message>
    <message>
        <source>If it happens every time, Grok has changed and this program needs an update.</source>
        <translation>如果每次都这样，说明 Grok 已有变化，本程序需要更新。</translation>
    </message>
    <message>
        <source>Renew the Cloudflare cookies together with their user agent, or use another proxy.</source>
        <translation>请同时更新 Cloudflare Cookie 和对应的用户代理，或改用其他代理。</translation>
    </message>
    <message>
        <source>Send less: a shorter conversation, or smaller attachments.</source>
        <translation>请减少发送的内容：缩短对话，或使用更小的附件。</translation>
    </message>
    <message>
        <source>Set grok_web.chat_form to rest or auto.</source>
        <translation>请把 grok_web.chat_form 设为 rest 或 auto。</translation>
    </message>
    <message>
        <source>Set grok_web.chat_form to the other form, or to auto.</source>
        <translation>请把 grok_web.chat_form 设为另一种形式，或设为 auto。</translation>
    </message>
    <message>
        <source>Sign in at grok.com and add the account&apos;s new token.</source>
        <translation>请在 grok.com 登录，然后添加该账号的新令牌。</translation>
    </message>
    <message>
        <source>Sign in at grok.com with it to see why, or remove the account here.</source>
        <translation>请用该账号登录 grok.com 查看原因，或在此移除该账号。</translation>
    </message>
    <message>
        <source>Sign in at grok.com with this account to see what it is asked, or bind it to another proxy.</source>
        <translation>请用该账号登录 grok.com 查看它需要完成什么，或为它绑定其他代理。</translation>
    </message>
    <message>
        <source>Switch it on to use it again.</source>
        <translation>启用后即可再次使用。</translation>
    </message>
    <message>
        <source>Test the connection, renew the Cloudflare cookies, or use another proxy.</source>
        <translation>请测试连接、更新 Cloudflare Cookie，或改用其他代理。</translation>
    </message>
    <message>
        <source>Try again in a few minutes.</source>
        <translation>请过几分钟再试。</translation>
    </message>
    <message>
        <source>Try again in a minute, or use another model.</source>
        <translation>请过一分钟再试，或改用其他模型。</translation>
    </message>
    <message>
        <source>Try again in a minute.</source>
        <translation>请过一分钟再试。</translation>
    </message>
    <message>
        <source>Try again.</source>
        <translation>请再试一次。</translation>
    </message>
    <message>
        <source>Try again; if it repeats, test the connection under Network.</source>
        <translation>请再试一次；如果反复出现，请在“网络”中测试连接。</translation>
    </message>
    <message>
        <source>Wait for its limit to reset, use another model, or add an account.</source>
        <translation>请等待额度重置、改用其他模型，或添加账号。</translation>
    </message>
    <message>
        <source>Wait until its period ends, or add an account.</source>
        <translation>请等待本周期结束，或添加账号。</translation>
    </message>
</context>
<context>
    <name>AliasLine</name>
    <message>
        <source>Remove the other name %1</source>
        <translation>移除别名 %1</translation>
    </message>
</context>
<context>
    <name>AllowAdult</name>
    <message>
        <source>Grok asks for the date of birth of whoever the account belongs to. It is sent once, as you give it, and is not kept here. Grok lets nobody change it afterwards.</source>
        <translation>Grok 会要求账号所有者的出生日期。它会按你填写的内容发送一次，不会保存在这里。之后 Grok 不允许任何人更改。</translation>
    </message>
    <message>
        <source>I am an adult, and these accounts are mine</source>
        <translation>我是成年人，这些账号属于我</translation>
    </message>
    <message numerus="yes">
        <source>Show adult content with %n account(s)?</source>
        <translation>
            <numerusform>为 %n 个账号显示成人内容？</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Show with %n account(s)</source>
        <translation>
            <numerusform>为 %n 个账号显示</numerusform>
        </translation>
    </message>
    <message>
        <source>This is no date such as 1990-05-17.</source>
        <translation>这不是 1990-05-17 这样的日期。</translation>
    </message>
    <message>
        <source>Your own date of birth (year-month-day)</source>
        <translation>你自己的出生日期（年-月-日）</translation>
    </message>
    <message>
        <source>yyyy-mm-dd</source>
        <translation>yyyy-mm-dd</translation>
    </message>
</context>
<context>
    <name>Apart</name>
    <message>
        <source>One pane stays in the main window.</source>
        <translation>主窗口中至少要保留一个页面。</translation>
    </message>
</context>
<context>
    <name>AppPage</name>
    <message>
        <source>API key</source>
        <translation>API 密钥</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Address copied.</source>
        <translation>已复制地址。</translation>
    </message>
    <message>
        <source>An app asked, and it failed: %1</source>
        <translation>有应用发来请求，但失败了：%1</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy the address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Copy the key</source>
        <translation>复制密钥</translation>
    </message>
    <message>
        <source>It works: an app asked, and was answered (%1).</source>
        <translation>连接成功：有应用发来请求并得到了回答（%1）。</translation>
    </message>
    <message>
        <source>Show it</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Show the failed request</source>
        <translation>显示失败的请求</translation>
    </message>
    <message>
        <source>Waiting for the first request…</source>
        <translation>正在等待第一个请求…</translation>
    </message>
    <message>
        <source>You can finish now; the light stays under Connect apps.</source>
        <translation>现在可以完成；指示灯会留在“连接应用”中。</translation>
    </message>
</context>
<context>
    <name>AtGrok</name>
    <message numerus="yes">
        <source>%n account(s) asked</source>
        <translation>
            <numerusform>已询问 %n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s)</source>
        <translation>
            <numerusform>%n 个文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) could not be deleted.</source>
        <translation>
            <numerusform>%n 个文件无法删除。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) deleted at Grok.</source>
        <translation>
            <numerusform>已在 Grok 删除 %n 个文件。</numerusform>
        </translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Accounts</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Add accounts…</source>
        <translation>添加账号…</translation>
    </message>
    <message>
        <source>Ask Grok</source>
        <translation>询问 Grok</translation>
    </message>
    <message>
        <source>Asking Grok…</source>
        <translation>正在询问 Grok…</translation>
    </message>
    <message>
        <source>Asks what the selected accounts keep, or all when none is selected</source>
        <translation>询问所选账号保存了什么；未选择时询问全部账号</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message numerus="yes">
        <source>Delete %n file(s) at Grok?</source>
        <translation>
            <numerusform>在 Grok 删除 %n 个文件？</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Delete %n file(s) at Grok…</source>
        <translation>
            <numerusform>在 Grok 删除 %n 个文件…</numerusform>
        </translation>
    </message>
    <message>
        <source>Delete all at Grok…</source>
        <translation>全部从 Grok 删除…</translation>
    </message>
    <message numerus="yes">
        <source>Delete all files of %n account(s) at Grok?</source>
        <translation>
            <numerusform>在 Grok 删除 %n 个账号的所有文件？</numerusform>
        </translation>
    </message>
    <message>
        <source>Delete at Grok…</source>
        <translation>从 Grok 删除…</translation>
    </message>
    <message>
        <source>Fetch into the library</source>
        <translation>取回到媒体库</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Files at Grok</source>
        <translation>Grok 上的文件</translation>
    </message>
    <message>
        <source>Files at Grok belong to accounts. Add one to see its files.</source>
        <translation>Grok 上的文件属于账号。添加一个账号即可查看它的文件。</translation>
    </message>
    <message>
        <source>Grok did not show the files</source>
        <translation>Grok 没有列出文件</translation>
    </message>
    <message>
        <source>Grok has not been asked for the files of this account.</source>
        <translation>尚未向 Grok 询问该账号的文件。</translation>
    </message>
    <message>
        <source>Grok has not been asked yet.</source>
        <translation>尚未询问 Grok。</translation>
    </message>
    <message>
        <source>Its files at Grok are shown here.</source>
        <translation>它在 Grok 上的文件会显示在这里。</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Made</source>
        <translation>创建时间</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>No accounts yet</source>
        <translation>还没有账号</translation>
    </message>
    <message>
        <source>No files at Grok</source>
        <translation>Grok 上没有文件</translation>
    </message>
    <message>
        <source>Not shown yet</source>
        <translation>尚未显示</translation>
    </message>
    <message>
        <source>Search accounts</source>
        <translation>搜索账号</translation>
    </message>
    <message>
        <source>Select an account</source>
        <translation>请选择一个账号</translation>
    </message>
    <message>
        <source>Show its files</source>
        <translation>显示它的文件</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>They are gone at Grok for good. What is in the library here stays.</source>
        <translation>它们将从 Grok 永久消失。这里媒体库中的内容会保留。</translation>
    </message>
    <message>
        <source>This account keeps nothing there.</source>
        <translation>该账号没有在那里保存任何内容。</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>再试一次</translation>
    </message>
    <message>
        <source>Type</source>
        <translation>类型</translation>
    </message>
</context>
<context>
    <name>BindAccounts</name>
    <message>
        <source>%1.</source>
        <translation>%1。</translation>
    </message>
    <message>
        <source>A bound account always leaves by its own way, and rests while that one does not work.</source>
        <translation>绑定的账号始终走自己的出口；该出口不可用时，账号进入冷却。</translation>
    </message>
    <message>
        <source>Address of the proxy</source>
        <translation>代理地址</translation>
    </message>
    <message>
        <source>Another proxy…</source>
        <translation>其他代理…</translation>
    </message>
    <message>
        <source>Use this way</source>
        <translation>使用此出口</translation>
    </message>
    <message>
        <source>Way out</source>
        <translation>出口</translation>
    </message>
    <message numerus="yes">
        <source>Way out of %n account(s)</source>
        <translation>
            <numerusform>%n 个账号的出口</numerusform>
        </translation>
    </message>
    <message>
        <source>socks5://name:password@host:1080</source>
        <translation>socks5://name:password@host:1080</translation>
    </message>
</context>
<context>
    <name>Clean</name>
    <message numerus="yes">
        <source>%n file(s) brought back.</source>
        <translation>
            <numerusform>已恢复 %n 个文件。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) deleted for good.</source>
        <translation>
            <numerusform>已永久删除 %n 个文件。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) deleted.</source>
        <translation>
            <numerusform>已删除 %n 个文件。</numerusform>
        </translation>
    </message>
    <message>
        <source>Clean</source>
        <translation>清理</translation>
    </message>
    <message>
        <source>Clean the library?</source>
        <translation>清理媒体库？</translation>
    </message>
    <message numerus="yes">
        <source>Delete %n film(s), all but favourites</source>
        <translation>
            <numerusform>删除 %n 个视频（收藏除外）</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Delete %n picture(s), all but favourites</source>
        <translation>
            <numerusform>删除 %n 张图片（收藏除外）</numerusform>
        </translation>
    </message>
    <message>
        <source>Favourites stay. Deleted pictures and films can be brought back for some days; what goes for good cannot.</source>
        <translation>收藏会保留。删除的图片和视频在几天内可以恢复；永久删除的无法恢复。</translation>
    </message>
    <message>
        <source>Films are within their limit: none has to go.</source>
        <translation>视频未超过上限：无需删除。</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
    <message numerus="yes">
        <source>Let go of %n deleted file(s) for good</source>
        <translation>
            <numerusform>永久删除 %n 个已删除的文件</numerusform>
        </translation>
    </message>
    <message>
        <source>Pictures are within their limit: none has to go.</source>
        <translation>图片未超过上限：无需删除。</translation>
    </message>
    <message numerus="yes">
        <source>The %n oldest film(s) go, which frees %1.</source>
        <translation>
            <numerusform>将删除最早的 %n 个视频，释放 %1。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>The %n oldest picture(s) go, which frees %1.</source>
        <translation>
            <numerusform>将删除最早的 %n 张图片，释放 %1。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Clearances</name>
    <message>
        <source>%1 (%2 accounts)</source>
        <translation>%1（%2 个账号）</translation>
    </message>
    <message>
        <source>%1 old</source>
        <translation>已有 %1</translation>
    </message>
    <message>
        <source>%1: fits</source>
        <translation>%1：匹配</translation>
    </message>
    <message>
        <source>A request got through with it.</source>
        <translation>已有一个请求凭它通过。</translation>
    </message>
    <message>
        <source>Browser</source>
        <translation>浏览器</translation>
    </message>
    <message>
        <source>Check not passed</source>
        <translation>未通过验证</translation>
    </message>
    <message>
        <source>Check passed</source>
        <translation>已通过验证</translation>
    </message>
    <message>
        <source>Cloudflare has not stopped a request here.</source>
        <translation>Cloudflare 没有在这里拦截过请求。</translation>
    </message>
    <message>
        <source>Cloudflare stopped a request; the next one waits for the solver.</source>
        <translation>Cloudflare 拦截了一个请求；下一个请求会等待求解器。</translation>
    </message>
    <message>
        <source>Cookie</source>
        <translation>Cookie</translation>
    </message>
    <message>
        <source>Cookies and user agent that you pasted are sent together.</source>
        <translation>你粘贴的 Cookie 和用户代理会一起发送。</translation>
    </message>
    <message>
        <source>Direct connection</source>
        <translation>直接连接</translation>
    </message>
    <message>
        <source>Does not pass</source>
        <translation>无法通过</translation>
    </message>
    <message>
        <source>Ends</source>
        <translation>到期</translation>
    </message>
    <message>
        <source>No check met</source>
        <translation>未遇到验证</translation>
    </message>
    <message>
        <source>No check there</source>
        <translation>那里没有验证</translation>
    </message>
    <message>
        <source>Passed, not renewed</source>
        <translation>已通过，未续期</translation>
    </message>
    <message>
        <source>Passing the check…</source>
        <translation>正在通过验证…</translation>
    </message>
    <message>
        <source>Pasted cookies</source>
        <translation>粘贴的 Cookie</translation>
    </message>
    <message>
        <source>Site</source>
        <translation>站点</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>The solver found no check to pass.</source>
        <translation>求解器没有发现需要通过的验证。</translation>
    </message>
    <message>
        <source>The solver is at work.</source>
        <translation>求解器正在工作。</translation>
    </message>
    <message>
        <source>The solver passed the check; no request has tried it yet.</source>
        <translation>求解器已通过验证；还没有请求试用过。</translation>
    </message>
    <message>
        <source>Unknown browser</source>
        <translation>未知浏览器</translation>
    </message>
    <message>
        <source>Way out</source>
        <translation>出口</translation>
    </message>
    <message>
        <source>ended</source>
        <translation>已到期</translation>
    </message>
    <message>
        <source>in %1</source>
        <translation>%1后</translation>
    </message>
    <message>
        <source>not said</source>
        <translation>未说明</translation>
    </message>
</context>
<context>
    <name>ClientBrowser</name>
    <message>
        <source>All kinds</source>
        <translation>所有类型</translation>
    </message>
    <message>
        <source>Any other app works too: it needs the address, a key and a model.</source>
        <translation>其他应用也可以使用：需要地址、密钥和模型。</translation>
    </message>
    <message>
        <source>Apps</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Clear filters</source>
        <translation>清除筛选</translation>
    </message>
    <message>
        <source>Containers and other names</source>
        <translation>容器和其他名称</translation>
    </message>
    <message>
        <source>Docker, WSL, tunnels, 403</source>
        <translation>Docker、WSL、隧道、403</translation>
    </message>
    <message>
        <source>Found %1</source>
        <translation>找到 %1</translation>
    </message>
    <message>
        <source>Kind of app</source>
        <translation>应用类型</translation>
    </message>
    <message>
        <source>No app matches</source>
        <translation>没有符合的应用</translation>
    </message>
    <message>
        <source>Not found here</source>
        <translation>这里未找到</translation>
    </message>
    <message>
        <source>Set up</source>
        <translation>已设置</translation>
    </message>
    <message>
        <source>Set up, then changed</source>
        <translation>已设置，之后被更改</translation>
    </message>
    <message>
        <source>Set up, with another address</source>
        <translation>已设置，但地址不同</translation>
    </message>
</context>
<context>
    <name>ClientCard</name>
    <message>
        <source>%1 (no account can answer it now)</source>
        <translation>%1（目前没有账号可以回答）</translation>
    </message>
    <message>
        <source>%1 copied.</source>
        <translation>已复制%1。</translation>
    </message>
    <message>
        <source>%1 is removed; it was made by the setup.</source>
        <translation>%1 已移除；它是设置时创建的。</translation>
    </message>
    <message>
        <source>%1 is set up.</source>
        <translation>%1 已设置好。</translation>
    </message>
    <message>
        <source>All files (*)</source>
        <translation>所有文件 (*)</translation>
    </message>
    <message>
        <source>Copied with the key of %1. The clipboard is cleared in 60 s.</source>
        <translation>已连同 %1 的密钥一起复制。剪贴板将在 60 秒后清空。</translation>
    </message>
    <message>
        <source>Copied. The key goes to another place; see below.</source>
        <translation>已复制。密钥要填在另一处，见下文。</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy %1</source>
        <translation>复制%1</translation>
    </message>
    <message>
        <source>Copy with key</source>
        <translation>连同密钥复制</translation>
    </message>
    <message>
        <source>Found</source>
        <translation>已找到</translation>
    </message>
    <message>
        <source>Found, version %1</source>
        <translation>已找到，版本 %1</translation>
    </message>
    <message>
        <source>GrokDesk can write this into the file for you, with a key that only %1 has. You see every line before, and it can be undone.</source>
        <translation>GrokDesk 可以替你把这些写入文件，并使用 %1 专用的密钥。写入前可以看到每一行，之后可以撤销。</translation>
    </message>
    <message>
        <source>It was set up, and now the file is gone or cannot be read.</source>
        <translation>此前已设置，现在文件不存在或无法读取。</translation>
    </message>
    <message>
        <source>It was set up, and the file was changed since. Undo takes out what is still from here.</source>
        <translation>此前已设置，之后文件被更改过。撤销会去掉其中仍由这里写入的部分。</translation>
    </message>
    <message>
        <source>It works. Last request: %1.</source>
        <translation>连接正常。上次请求：%1。</translation>
    </message>
    <message>
        <source>Its last request failed, %1: %2</source>
        <translation>上次请求失败，%1：%2</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Model:</source>
        <translation>模型：</translation>
    </message>
    <message>
        <source>Not found on this computer</source>
        <translation>在这台电脑上未找到</translation>
    </message>
    <message>
        <source>Save the file as it was…</source>
        <translation>保存文件的原样…</translation>
    </message>
    <message>
        <source>Saved as %1.</source>
        <translation>已保存为 %1。</translation>
    </message>
    <message>
        <source>Set up %1.</source>
        <translation>设置 %1。</translation>
    </message>
    <message>
        <source>Set up again…</source>
        <translation>重新设置…</translation>
    </message>
    <message>
        <source>Set up for me</source>
        <translation>替我设置</translation>
    </message>
    <message>
        <source>Set up for me…</source>
        <translation>替我设置…</translation>
    </message>
    <message>
        <source>Set up, but with another address, key or model than what is shown here.</source>
        <translation>已设置，但地址、密钥或模型与这里显示的不同。</translation>
    </message>
    <message>
        <source>Show it</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Show the failed request</source>
        <translation>显示失败的请求</translation>
    </message>
    <message>
        <source>Taken out of %1, except what was changed since: %2.</source>
        <translation>已从 %1 中去掉，之后被更改过的除外：%2。</translation>
    </message>
    <message>
        <source>Taken out of %1. Nothing else was changed.</source>
        <translation>已从 %1 中去掉。没有更改其他内容。</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Testing: the models, then one short question…</source>
        <translation>正在测试：先读取模型，再提一个简短的问题…</translation>
    </message>
    <message>
        <source>The demo does not touch the files of your programs. Copy what is below instead.</source>
        <translation>演示不会改动你的程序的文件。请复制下面的内容。</translation>
    </message>
    <message>
        <source>The file as it was before</source>
        <translation>文件的原样</translation>
    </message>
    <message>
        <source>The home folder is not known, so files are left alone. Copy what is below instead.</source>
        <translation>不清楚主文件夹的位置，因此不会改动文件。请复制下面的内容。</translation>
    </message>
    <message>
        <source>The test failed: %1</source>
        <translation>测试失败：%1</translation>
    </message>
    <message>
        <source>The test works: %1 models are listed, and Grok answered “%2”.</source>
        <translation>测试成功：列出了 %1 个模型，Grok 回答“%2”。</translation>
    </message>
    <message>
        <source>Undo the setup</source>
        <translation>撤销设置</translation>
    </message>
    <message>
        <source>Waiting for its first request.</source>
        <translation>正在等待它的第一个请求。</translation>
    </message>
    <message>
        <source>What %1 needs</source>
        <translation>%1 需要的内容</translation>
    </message>
    <message>
        <source>its settings file</source>
        <translation>它的设置文件</translation>
    </message>
</context>
<context>
    <name>Clients</name>
    <message>
        <source>--no-show-model-warnings silences the remark that the model is not in aider&apos;s list.</source>
        <translation>--no-show-model-warnings 可以关闭“模型不在 aider 列表中”的提示。</translation>
    </message>
    <message>
        <source>Anthropic&apos;s library</source>
        <translation>Anthropic 的程序库</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>聊天</translation>
    </message>
    <message>
        <source>ChatAnthropic works as well, with the address without /v1.</source>
        <translation>ChatAnthropic 也可以使用，地址不带 /v1。</translation>
    </message>
    <message>
        <source>Choose GrokDesk as the model in Continue, then ask something.</source>
        <translation>在 Continue 中选择 GrokDesk 作为模型，然后提一个问题。</translation>
    </message>
    <message>
        <source>Codex reads the file when it starts. Try it with: codex exec &quot;Say ok.&quot;</source>
        <translation>Codex 在启动时读取该文件。可以这样试用：codex exec &quot;Say ok.&quot;</translation>
    </message>
    <message>
        <source>Cursor cannot use an address on this computer. Your key and address go to Cursor&apos;s servers, and those make the call and refuse private addresses. The only way is a public https address that leads to this computer. We advise against it: whoever has a key of yours then reaches your accounts from anywhere.</source>
        <translation>Cursor 无法使用这台电脑上的地址。你的密钥和地址会发送到 Cursor 的服务器，由那里发起调用，而它拒绝专用地址。唯一的办法是使用指向这台电脑的公开 https 地址。我们不建议这样做：拿到你密钥的人可以从任何地方使用你的账号。</translation>
    </message>
    <message>
        <source>Editors</source>
        <translation>编辑器</translation>
    </message>
    <message>
        <source>If it runs in Docker, see “Containers and other names”: 127.0.0.1 is the container there.</source>
        <translation>如果它在 Docker 中运行，请查看“容器和其他名称”：在那里 127.0.0.1 指的是容器本身。</translation>
    </message>
    <message>
        <source>If you do it all the same, put the host name of your tunnel on the list under “Containers and other names”, and write it in place of YOUR-TUNNEL.</source>
        <translation>如果仍要这样做，请把隧道的主机名加入“容器和其他名称”的列表，并用它替换 YOUR-TUNNEL。</translation>
    </message>
    <message>
        <source>In %1:</source>
        <translation>在 %1 中：</translation>
    </message>
    <message>
        <source>In Admin Settings → Connections → OpenAI → Add:</source>
        <translation>在“管理员设置 → 连接 → OpenAI → 添加”中：</translation>
    </message>
    <message>
        <source>In Settings → Models → API Keys:</source>
        <translation>在“Settings → Models → API Keys”中：</translation>
    </message>
    <message>
        <source>In Settings → Tools → AI Assistant → Models &amp; API Keys → Third-party AI providers:</source>
        <translation>在“Settings → Tools → AI Assistant → Models &amp; API Keys → Third-party AI providers”中：</translation>
    </message>
    <message>
        <source>In a shell:</source>
        <translation>在终端中：</translation>
    </message>
    <message>
        <source>In its settings (the gear in its panel):</source>
        <translation>在它的设置中（面板上的齿轮）：</translation>
    </message>
    <message>
        <source>In the shell, or in %1:</source>
        <translation>在终端中，或在 %1 中：</translation>
    </message>
    <message>
        <source>It cannot be set for one project.</source>
        <translation>它无法针对单个项目设置。</translation>
    </message>
    <message>
        <source>It checks the address by reading the list of models.</source>
        <translation>它通过读取模型列表来检查地址。</translation>
    </message>
    <message>
        <source>Its switch for images may be on. A context of 128000 is a careful figure.</source>
        <translation>可以打开它的图片开关。上下文设为 128000 比较稳妥。</translation>
    </message>
    <message>
        <source>Last request failed</source>
        <translation>上次请求失败</translation>
    </message>
    <message>
        <source>Leave the role autocomplete to a model on this computer: Grok is slow for completion while typing.</source>
        <translation>自动补全请交给这台电脑上的模型：输入时的补全对 Grok 来说太慢。</translation>
    </message>
    <message>
        <source>Libraries</source>
        <translation>程序库</translation>
    </message>
    <message>
        <source>No request yet</source>
        <translation>还没有请求</translation>
    </message>
    <message>
        <source>Now paste the key in Zed under Agent settings → LLM Providers.</source>
        <translation>现在在 Zed 的“Agent settings → LLM Providers”中粘贴密钥。</translation>
    </message>
    <message>
        <source>OpenAI&apos;s library</source>
        <translation>OpenAI 的程序库</translation>
    </message>
    <message>
        <source>Or set ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY. There is no /v1 in this address.</source>
        <translation>或设置 ANTHROPIC_BASE_URL 和 ANTHROPIC_API_KEY。此地址不带 /v1。</translation>
    </message>
    <message>
        <source>Or set OPENAI_BASE_URL and OPENAI_API_KEY.</source>
        <translation>或设置 OPENAI_BASE_URL 和 OPENAI_API_KEY。</translation>
    </message>
    <message>
        <source>Python:</source>
        <translation>Python：</translation>
    </message>
    <message>
        <source>Start it anew, then ask something.</source>
        <translation>重新启动它，然后提一个问题。</translation>
    </message>
    <message>
        <source>Terminal</source>
        <translation>终端</translation>
    </message>
    <message>
        <source>The beginning openai/ is aider&apos;s own and does not reach GrokDesk.</source>
        <translation>开头的 openai/ 是 aider 自己用的，不会传到 GrokDesk。</translation>
    </message>
    <message>
        <source>The file is yours alone. Keep the key out of a project&apos;s .claude/settings.json.</source>
        <translation>该文件只属于你。请不要把密钥放进项目的 .claude/settings.json。</translation>
    </message>
    <message>
        <source>The key goes into Agent settings → LLM Providers, where Zed keeps it in the keychain; not into the file.</source>
        <translation>密钥填在“Agent settings → LLM Providers”中，Zed 会把它保存在钥匙串里，而不是写入文件。</translation>
    </message>
    <message>
        <source>Then choose the model in the AI Chat window. Completion while typing stays with JetBrains&apos; models.</source>
        <translation>然后在 AI Chat 窗口中选择模型。输入时的补全仍使用 JetBrains 的模型。</translation>
    </message>
    <message>
        <source>There is no /v1 in this address: Claude Code adds it itself.</source>
        <translation>此地址不带 /v1：Claude Code 会自己加上。</translation>
    </message>
    <message>
        <source>Unset ANTHROPIC_API_KEY in your shell: beside the token, it may be sent instead of it. /status in Claude Code shows which address and key are used.</source>
        <translation>请在终端中取消设置 ANTHROPIC_API_KEY：它与令牌同时存在时，可能会代替令牌发送。Claude Code 中的 /status 会显示使用的地址和密钥。</translation>
    </message>
    <message>
        <source>Works</source>
        <translation>正常</translation>
    </message>
    <message>
        <source>Zed does not read the list of models, so the model stands in the file.</source>
        <translation>Zed 不读取模型列表，因此模型写在文件中。</translation>
    </message>
    <message>
        <source>use_responses_api=True shows Grok&apos;s thinking.</source>
        <translation>use_responses_api=True 会显示 Grok 的思考过程。</translation>
    </message>
</context>
<context>
    <name>CloudflarePage</name>
    <message numerus="yes">
        <source>%n browser(s) open, %1 for GrokDesk.</source>
        <translation>
            <numerusform>打开了 %n 个浏览器，其中 %1 个用于 GrokDesk。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n check(s) selected</source>
        <translation>
            <numerusform>已选择 %n 项验证</numerusform>
        </translation>
    </message>
    <message>
        <source>A FlareSolverr opens the page in a real browser and brings the cookie. It is asked when a request was stopped, and has to leave by the same address as GrokDesk.</source>
        <translation>FlareSolverr 会在真实的浏览器中打开页面并带回 Cookie。请求被拦截时才会用到它，它必须使用与 GrokDesk 相同的出口地址。</translation>
    </message>
    <message>
        <source>Address of the solver</source>
        <translation>求解器地址</translation>
    </message>
    <message>
        <source>Asking…</source>
        <translation>正在询问…</translation>
    </message>
    <message>
        <source>By a solver I run</source>
        <translation>通过我运行的求解器</translation>
    </message>
    <message>
        <source>Checks of Cloudflare</source>
        <translation>Cloudflare 验证</translation>
    </message>
    <message numerus="yes">
        <source>Clearance of %n way(s) out forgotten.</source>
        <translation>
            <numerusform>已清除 %n 个出口的通行凭证。</numerusform>
        </translation>
    </message>
    <message>
        <source>Cookie and browser fit together: %1.</source>
        <translation>Cookie 与浏览器匹配：%1。</translation>
    </message>
    <message>
        <source>Cookies of grok.com</source>
        <translation>grok.com 的 Cookie</translation>
    </message>
    <message>
        <source>Forget</source>
        <translation>清除</translation>
    </message>
    <message>
        <source>Forget the clearance</source>
        <translation>清除通行凭证</translation>
    </message>
    <message>
        <source>How Cloudflare&apos;s check is passed</source>
        <translation>如何通过 Cloudflare 验证</translation>
    </message>
    <message>
        <source>It keeps no browser open.</source>
        <translation>它没有保持打开任何浏览器。</translation>
    </message>
    <message>
        <source>Keep a browser open for each way out: faster, takes memory</source>
        <translation>为每个出口保持一个浏览器打开：更快，但占用内存</translation>
    </message>
    <message>
        <source>New clearance for %1.</source>
        <translation>%1 有了新的通行凭证。</translation>
    </message>
    <message>
        <source>No solver is set: requests that are stopped stay so.</source>
        <translation>未设置求解器：被拦截的请求会一直被拦截。</translation>
    </message>
    <message>
        <source>Not needed</source>
        <translation>不需要</translation>
    </message>
    <message>
        <source>Nothing is done about Cloudflare. This is right as long as no request is stopped.</source>
        <translation>不对 Cloudflare 做任何处理。只要没有请求被拦截，这样就好。</translation>
    </message>
    <message>
        <source>Open grok.com in a browser that leaves by the same address as GrokDesk. From one request (F12, Network), copy both cookie and user-agent.</source>
        <translation>在使用与 GrokDesk 相同出口地址的浏览器中打开 grok.com。从同一个请求（F12，网络）中复制 cookie 和 user-agent。</translation>
    </message>
    <message>
        <source>Pass the check:</source>
        <translation>通过验证的方式：</translation>
    </message>
    <message>
        <source>Pasted cookies forgotten.</source>
        <translation>已清除粘贴的 Cookie。</translation>
    </message>
    <message>
        <source>Renew now</source>
        <translation>立即续期</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Saved.</source>
        <translation>已保存。</translation>
    </message>
    <message>
        <source>Saved. Test a way out to see whether Cloudflare lets it pass.</source>
        <translation>已保存。请测试一个出口，看 Cloudflare 是否放行。</translation>
    </message>
    <message>
        <source>Saved: cf_clearance …%1, %2. When it is refused, paste a new one.</source>
        <translation>已保存：cf_clearance …%1，%2。被拒绝时请粘贴新的。</translation>
    </message>
    <message>
        <source>Select a line to see why it is so.</source>
        <translation>选择一行即可查看原因。</translation>
    </message>
    <message>
        <source>Solver:</source>
        <translation>求解器：</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Test at %1: Cloudflare wants to see a browser first (%2, %3).</source>
        <translation>%1 的测试：Cloudflare 要求先看到浏览器（%2，%3）。</translation>
    </message>
    <message>
        <source>Test at %1: not reachable. %2</source>
        <translation>%1 的测试：无法连接。%2</translation>
    </message>
    <message>
        <source>Test at %1: not stopped (%2, %3).</source>
        <translation>%1 的测试：未被拦截（%2，%3）。</translation>
    </message>
    <message>
        <source>Test the solver</source>
        <translation>测试求解器</translation>
    </message>
    <message>
        <source>The solver answers, in %2.</source>
        <translation>求解器有应答，用时 %2。</translation>
    </message>
    <message>
        <source>The solver answers: version %1, in %2.</source>
        <translation>求解器有应答：版本 %1，用时 %2。</translation>
    </message>
    <message>
        <source>User agent</source>
        <translation>用户代理</translation>
    </message>
    <message>
        <source>With cookies I paste</source>
        <translation>使用我粘贴的 Cookie</translation>
    </message>
    <message>
        <source>address not told</source>
        <translation>未告知地址</translation>
    </message>
    <message>
        <source>cookie, as your browser shows it; only Cloudflare&apos;s own are sent, never your sign-in</source>
        <translation>浏览器中显示的 cookie；只会发送 Cloudflare 自己的部分，绝不发送你的登录信息</translation>
    </message>
    <message>
        <source>user-agent, from the same request</source>
        <translation>同一个请求中的 user-agent</translation>
    </message>
</context>
<context>
    <name>Columns</name>
    <message>
        <source>Largest first</source>
        <translation>最大的在前</translation>
    </message>
    <message>
        <source>Sort by</source>
        <translation>排序方式</translation>
    </message>
    <message>
        <source>Usual columns</source>
        <translation>默认的列</translation>
    </message>
</context>
<context>
    <name>ConnectPane</name>
    <message>
        <source>A program</source>
        <translation>某个程序</translation>
    </message>
    <message>
        <source>API key</source>
        <translation>API 密钥</translation>
    </message>
    <message>
        <source>Address copied.</source>
        <translation>已复制地址。</translation>
    </message>
    <message>
        <source>Address, Anthropic format</source>
        <translation>地址，Anthropic 格式</translation>
    </message>
    <message>
        <source>Address, OpenAI format</source>
        <translation>地址，OpenAI 格式</translation>
    </message>
    <message>
        <source>Apps cannot connect: the gateway is stopped.</source>
        <translation>应用无法连接：网关已停止。</translation>
    </message>
    <message>
        <source>Connect apps</source>
        <translation>连接应用</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy the address in Anthropic&apos;s format</source>
        <translation>复制 Anthropic 格式的地址</translation>
    </message>
    <message>
        <source>Copy the address in OpenAI&apos;s format</source>
        <translation>复制 OpenAI 格式的地址</translation>
    </message>
    <message>
        <source>Copy the key</source>
        <translation>复制密钥</translation>
    </message>
    <message>
        <source>Keys…</source>
        <translation>密钥…</translation>
    </message>
    <message>
        <source>Search apps</source>
        <translation>搜索应用</translation>
    </message>
    <message>
        <source>Show why it was refused</source>
        <translation>显示被拒绝的原因</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>启动</translation>
    </message>
    <message>
        <source>Start the gateway</source>
        <translation>启动网关</translation>
    </message>
    <message>
        <source>Why?</source>
        <translation>为什么？</translation>
    </message>
    <message>
        <source>“%1” was refused %2: %3</source>
        <translation>“%1”%2被拒绝：%3</translation>
    </message>
</context>
<context>
    <name>Desk</name>
    <message numerus="yes">
        <source>%n account(s) added</source>
        <translation>
            <numerusform>已添加 %n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) brought back.</source>
        <translation>
            <numerusform>已恢复 %n 个账号。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) removed from this computer.</source>
        <translation>
            <numerusform>已从这台电脑移除 %n 个账号。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n already there</source>
        <translation>
            <numerusform>%n 个已存在</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n removed</source>
        <translation>
            <numerusform>移除了 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n updated</source>
        <translation>
            <numerusform>更新了 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Add %n account(s)</source>
        <translation>
            <numerusform>添加 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>Address copied.</source>
        <translation>已复制地址。</translation>
    </message>
    <message numerus="yes">
        <source>Checking %n account(s)…</source>
        <translation>
            <numerusform>正在检查 %n 个账号…</numerusform>
        </translation>
    </message>
    <message>
        <source>Key %1</source>
        <translation>密钥 %1</translation>
    </message>
    <message>
        <source>Key copied. The clipboard is cleared in 60 s.</source>
        <translation>已复制密钥。剪贴板将在 60 秒后清空。</translation>
    </message>
    <message>
        <source>New key made. The old one no longer works.</source>
        <translation>已创建新密钥。旧密钥不再有效。</translation>
    </message>
    <message>
        <source>New key made. The old one still works.</source>
        <translation>已创建新密钥。旧密钥仍然有效。</translation>
    </message>
    <message>
        <source>Take another one, or close that program.</source>
        <translation>请换一个端口，或关闭那个程序。</translation>
    </message>
    <message>
        <source>Text size: %1 %</source>
        <translation>文字大小：%1 %</translation>
    </message>
    <message>
        <source>The address is now %1.</source>
        <translation>地址现在是 %1。</translation>
    </message>
    <message>
        <source>The demo could not be started.</source>
        <translation>演示无法启动。</translation>
    </message>
    <message>
        <source>The demo opens in a window of its own.</source>
        <translation>演示会在单独的窗口中打开。</translation>
    </message>
    <message>
        <source>The port comes from outside (%1). Close that program, or change the port there.</source>
        <translation>端口由外部指定（%1）。请关闭那个程序，或在那里更改端口。</translation>
    </message>
    <message>
        <source>There is no key. Make one on Home.</source>
        <translation>没有密钥。请在“首页”创建。</translation>
    </message>
    <message>
        <source>There is nothing to undo.</source>
        <translation>没有可撤销的操作。</translation>
    </message>
</context>
<context>
    <name>Details</name>
    <message>
        <source>%1 (%2)</source>
        <translation>%1（%2）</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) selected</source>
        <translation>
            <numerusform>已选择 %n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n blocked</source>
        <translation>
            <numerusform>%n 个被封禁</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n cooling</source>
        <translation>
            <numerusform>%n 个冷却中</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n ready</source>
        <translation>
            <numerusform>%n 个可用</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n signed out</source>
        <translation>
            <numerusform>%n 个登录失效</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n switched off</source>
        <translation>
            <numerusform>%n 个已停用</numerusform>
        </translation>
    </message>
    <message>
        <source>A name for it</source>
        <translation>给它起个名称</translation>
    </message>
    <message>
        <source>A note, such as when it renews</source>
        <translation>备注，例如何时续费</translation>
    </message>
    <message>
        <source>About it</source>
        <translation>关于它</translation>
    </message>
    <message>
        <source>Adult content</source>
        <translation>成人内容</translation>
    </message>
    <message>
        <source>Always %1</source>
        <translation>始终为 %1</translation>
    </message>
    <message>
        <source>Another proxy…</source>
        <translation>其他代理…</translation>
    </message>
    <message>
        <source>Answered</source>
        <translation>已回答</translation>
    </message>
    <message>
        <source>Answers</source>
        <translation>回答数</translation>
    </message>
    <message>
        <source>As Grok says</source>
        <translation>以 Grok 所说为准</translation>
    </message>
    <message>
        <source>As Grok says: %1</source>
        <translation>以 Grok 所说为准：%1</translation>
    </message>
    <message>
        <source>Asking Grok…</source>
        <translation>正在询问 Grok…</translation>
    </message>
    <message numerus="yes">
        <source>Check %n account(s)</source>
        <translation>
            <numerusform>检查 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>Check again</source>
        <translation>再次检查</translation>
    </message>
    <message>
        <source>Choose a way out…</source>
        <translation>选择出口…</translation>
    </message>
    <message>
        <source>Copy token</source>
        <translation>复制令牌</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详细信息</translation>
    </message>
    <message>
        <source>Failures</source>
        <translation>失败数</translation>
    </message>
    <message>
        <source>Here since</source>
        <translation>添加时间</translation>
    </message>
    <message>
        <source>Hide adult content</source>
        <translation>隐藏成人内容</translation>
    </message>
    <message>
        <source>History</source>
        <translation>历史</translation>
    </message>
    <message>
        <source>It works: %1 (%2)</source>
        <translation>可用：%1（%2）</translation>
    </message>
    <message>
        <source>Last checked</source>
        <translation>上次检查</translation>
    </message>
    <message>
        <source>Last failure</source>
        <translation>上次失败</translation>
    </message>
    <message>
        <source>Last used</source>
        <translation>上次使用</translation>
    </message>
    <message>
        <source>Left</source>
        <translation>剩余</translation>
    </message>
    <message>
        <source>Mail</source>
        <translation>邮箱</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Note</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>Refresh</source>
        <translation>刷新</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message numerus="yes">
        <source>Remove %n account(s)</source>
        <translation>
            <numerusform>移除 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>Replace token…</source>
        <translation>更换令牌…</translation>
    </message>
    <message>
        <source>Select an account to see its quota and why it is in its state.</source>
        <translation>选择一个账号，查看它的额度和状态原因。</translation>
    </message>
    <message>
        <source>Show adult content…</source>
        <translation>显示成人内容…</translation>
    </message>
    <message>
        <source>Show the setting</source>
        <translation>显示该设置</translation>
    </message>
    <message>
        <source>Switch off</source>
        <translation>停用</translation>
    </message>
    <message numerus="yes">
        <source>Switch off %n account(s)</source>
        <translation>
            <numerusform>停用 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>Switch on</source>
        <translation>启用</translation>
    </message>
    <message numerus="yes">
        <source>Switch on %n account(s)</source>
        <translation>
            <numerusform>启用 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Tags, parted by commas</source>
        <translation>标签，用逗号分隔</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Test the connection</source>
        <translation>测试连接</translation>
    </message>
    <message>
        <source>The last check failed: %1</source>
        <translation>上次检查失败：%1</translation>
    </message>
    <message>
        <source>The last failure, %1: %2</source>
        <translation>上次失败，%1：%2</translation>
    </message>
    <message>
        <source>Tier</source>
        <translation>等级</translation>
    </message>
    <message>
        <source>Token</source>
        <translation>令牌</translation>
    </message>
    <message>
        <source>Way out</source>
        <translation>出口</translation>
    </message>
    <message>
        <source>shown since %1</source>
        <translation>自 %1 起显示</translation>
    </message>
</context>
<context>
    <name>Diagnostics</name>
    <message>
        <source>%1 B</source>
        <translation>%1 B</translation>
    </message>
    <message>
        <source>%1 KB</source>
        <translation>%1 KB</translation>
    </message>
    <message>
        <source>All settings; of secrets only whether they are set.</source>
        <translation>所有设置；机密内容只注明是否已设置。</translation>
    </message>
    <message>
        <source>How many accounts there are, by state and tier.</source>
        <translation>各状态和等级的账号数量。</translation>
    </message>
    <message>
        <source>Memory, and how promptly the program reacts.</source>
        <translation>内存，以及程序的响应速度。</translation>
    </message>
    <message>
        <source>Save the report</source>
        <translation>保存报告</translation>
    </message>
    <message>
        <source>The last lines of the log.</source>
        <translation>日志的最后几行。</translation>
    </message>
    <message>
        <source>The last requests, without what was said.</source>
        <translation>最近的请求，不含内容。</translation>
    </message>
    <message>
        <source>The program, the system and the libraries it uses.</source>
        <translation>程序、系统及其使用的程序库。</translation>
    </message>
    <message>
        <source>The report is saved as %1.</source>
        <translation>报告已保存为 %1。</translation>
    </message>
    <message>
        <source>The ways to Grok and how they fare.</source>
        <translation>通往 Grok 的出口及其状况。</translation>
    </message>
    <message>
        <source>What needs somebody.</source>
        <translation>需要处理的事项。</translation>
    </message>
    <message>
        <source>Whether apps can connect, and where.</source>
        <translation>应用能否连接，以及连接到哪里。</translation>
    </message>
    <message>
        <source>Zip files (*.zip)</source>
        <translation>Zip 文件 (*.zip)</translation>
    </message>
</context>
<context>
    <name>DiagnosticsDialog</name>
    <message>
        <source>%1 is in the report</source>
        <translation>%1 包含在报告中</translation>
    </message>
    <message numerus="yes">
        <source>%n file(s), %1</source>
        <translation>
            <numerusform>%n 个文件，%1</numerusform>
        </translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>File</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>Files of the report</source>
        <translation>报告中的文件</translation>
    </message>
    <message>
        <source>In the report</source>
        <translation>包含在报告中</translation>
    </message>
    <message>
        <source>Report for others</source>
        <translation>供他人查看的报告</translation>
    </message>
    <message>
        <source>Report for others who are to help</source>
        <translation>供他人协助时查看的报告</translation>
    </message>
    <message>
        <source>Save…</source>
        <translation>保存…</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Text of the file</source>
        <translation>文件内容</translation>
    </message>
    <message>
        <source>This is all that is saved, and nothing is sent. Tokens, keys, passwords, mail addresses, names and what was said are taken out. Look through it, and leave out what others need not see.</source>
        <translation>保存的就是这些，不会发送任何内容。令牌、密钥、密码、邮箱地址、名称和对话内容都已去除。请仔细查看，并去掉他人不必看到的部分。</translation>
    </message>
</context>
<context>
    <name>Dialogs</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
</context>
<context>
    <name>Doings</name>
    <message>
        <source>%1.</source>
        <translation>%1。</translation>
    </message>
    <message numerus="yes">
        <source>%n done</source>
        <translation>
            <numerusform>完成 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n failed</source>
        <translation>
            <numerusform>失败 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n not begun</source>
        <translation>
            <numerusform>未开始 %n 个</numerusform>
        </translation>
    </message>
    <message>
        <source>, </source>
        <translation>，</translation>
    </message>
    <message numerus="yes">
        <source>Check %n account(s)</source>
        <translation>
            <numerusform>检查 %n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Delete the conversations of %n account(s)</source>
        <translation>
            <numerusform>删除 %n 个账号的对话</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Delete the files of %n account(s)</source>
        <translation>
            <numerusform>删除 %n 个账号的文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Fetch the files of %n account(s)</source>
        <translation>
            <numerusform>取回 %n 个账号的文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Hide adult content with %n account(s)</source>
        <translation>
            <numerusform>为 %n 个账号隐藏成人内容</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>List the conversations of %n account(s)</source>
        <translation>
            <numerusform>列出 %n 个账号的对话</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>List the files of %n account(s)</source>
        <translation>
            <numerusform>列出 %n 个账号的文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Show adult content with %n account(s)</source>
        <translation>
            <numerusform>为 %n 个账号显示成人内容</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>EditWay</name>
    <message>
        <source>%1.</source>
        <translation>%1。</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Change the way out</source>
        <translation>更改出口</translation>
    </message>
    <message>
        <source>Kept as it is</source>
        <translation>保持不变</translation>
    </message>
    <message>
        <source>Password</source>
        <translation>密码</translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>This one is in the list already.</source>
        <translation>它已在列表中。</translation>
    </message>
    <message>
        <source>Used for</source>
        <translation>用于</translation>
    </message>
    <message>
        <source>User name</source>
        <translation>用户名</translation>
    </message>
</context>
<context>
    <name>Errors</name>
    <message>
        <source> (%1 of %2)</source>
        <translation>（%1 / %2）</translation>
    </message>
    <message>
        <source>%1 (process %2)</source>
        <translation>%1（进程 %2）</translation>
    </message>
    <message>
        <source>%1 Done before: %2.</source>
        <translation>%1 此前已完成：%2。</translation>
    </message>
    <message>
        <source>%1 Grok may have begun by then, so this was not repeated.</source>
        <translation>%1当时 Grok 可能已经开始，因此没有重复请求。</translation>
    </message>
    <message>
        <source>%1 Others pass on the same way at this moment.</source>
        <translation>%1此刻其他账号在同一出口可以通过。</translation>
    </message>
    <message>
        <source>%1 Then it was stopped.</source>
        <translation>%1随后被停止。</translation>
    </message>
    <message>
        <source>%1 account</source>
        <translation>%1 个账号</translation>
    </message>
    <message>
        <source>%1 accounts</source>
        <translation>%1 个账号</translation>
    </message>
    <message>
        <source>%1 answered with status %2.</source>
        <translation>%1 应答的状态为 %2。</translation>
    </message>
    <message>
        <source>%1 attachments; at most %2 are possible.</source>
        <translation>有 %1 个附件；最多允许 %2 个。</translation>
    </message>
    <message>
        <source>%1 cannot be reached %2.</source>
        <translation>%2无法连接 %1。</translation>
    </message>
    <message>
        <source>%1 cannot be read.</source>
        <translation>无法读取 %1。</translation>
    </message>
    <message>
        <source>%1 cannot be saved before the master key is there.</source>
        <translation>有主密钥之前无法保存 %1。</translation>
    </message>
    <message>
        <source>%1 cannot be written.</source>
        <translation>无法写入 %1。</translation>
    </message>
    <message>
        <source>%1 closed the connection without an answer.</source>
        <translation>%1 没有应答就关闭了连接。</translation>
    </message>
    <message>
        <source>%1 conversation</source>
        <translation>%1 个对话</translation>
    </message>
    <message>
        <source>%1 conversations</source>
        <translation>%1 个对话</translation>
    </message>
    <message>
        <source>%1 deleted</source>
        <translation>已删除 %1</translation>
    </message>
    <message>
        <source>%1 did not accept a connection within %2 seconds.</source>
        <translation>%1 在 %2 秒内没有接受连接。</translation>
    </message>
    <message>
        <source>%1 fetched, %2 were here already%3.</source>
        <translation>已取回 %1 个，%2 个这里已有%3。</translation>
    </message>
    <message>
        <source>%1 file</source>
        <translation>%1 个文件</translation>
    </message>
    <message>
        <source>%1 files</source>
        <translation>%1 个文件</translation>
    </message>
    <message>
        <source>%1 has no settings file that can be changed.</source>
        <translation>%1 没有可以更改的设置文件。</translation>
    </message>
    <message>
        <source>%1 hours</source>
        <translation>%1 小时</translation>
    </message>
    <message>
        <source>%1 is larger than 1 MB, which no settings file is.</source>
        <translation>%1 大于 1 MB，设置文件不会这么大。</translation>
    </message>
    <message>
        <source>%1 is not a file.</source>
        <translation>%1 不是文件。</translation>
    </message>
    <message>
        <source>%1 is not a setting and was ignored</source>
        <translation>%1 不是设置项，已忽略</translation>
    </message>
    <message>
        <source>%1 is not possible at %2; use %3.</source>
        <translation>%2 不支持 %1，请使用 %3。</translation>
    </message>
    <message>
        <source>%1 is not set up by GrokDesk.</source>
        <translation>%1 不是由 GrokDesk 设置的。</translation>
    </message>
    <message>
        <source>%1 is not supported by this version of the gateway.</source>
        <translation>此版本的网关不支持 %1。</translation>
    </message>
    <message>
        <source>%1 is not the number of a database; Redis counts them from 0.</source>
        <translation>%1 不是数据库编号；Redis 从 0 开始编号。</translation>
    </message>
    <message>
        <source>%1 is read-only.</source>
        <translation>%1 是只读的。</translation>
    </message>
    <message>
        <source>%1 is sealed and can be opened only where it was sealed</source>
        <translation>%1 已加密，只能在加密它的地方打开</translation>
    </message>
    <message>
        <source>%1 is there twice</source>
        <translation>%1 出现了两次</translation>
    </message>
    <message>
        <source>%1 is written in a way that GrokDesk cannot change safely.</source>
        <translation>%1 的写法使 GrokDesk 无法安全地更改它。</translation>
    </message>
    <message>
        <source>%1 may only stand in the user name of a proxy</source>
        <translation>%1 只能出现在代理的用户名中</translation>
    </message>
    <message>
        <source>%1 minutes</source>
        <translation>%1 分钟</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>%1 of %2 %3</source>
        <translation>%1 / %2 %3</translation>
    </message>
    <message>
        <source>%1 of %2 %3s were made: %4</source>
        <translation>已生成 %1 / %2 个%3：%4</translation>
    </message>
    <message>
        <source>%1 of %2 files</source>
        <translation>%1 / %2 个文件</translation>
    </message>
    <message>
        <source>%1 picture</source>
        <translation>%1 张图片</translation>
    </message>
    <message>
        <source>%1 pictures</source>
        <translation>%1 张图片</translation>
    </message>
    <message>
        <source>%1 pictures and films are being made or wait for it.</source>
        <translation>有 %1 个图片和视频正在生成或等待生成。</translation>
    </message>
    <message>
        <source>%1 pictures to start from; at most %2 are possible.</source>
        <translation>有 %1 张起始图片；最多允许 %2 张。</translation>
    </message>
    <message>
        <source>%1 seconds</source>
        <translation>%1 秒</translation>
    </message>
    <message>
        <source>%1 was changed meanwhile.</source>
        <translation>%1 在此期间已被更改。</translation>
    </message>
    <message>
        <source>%1 was not restored: %2</source>
        <translation>未能恢复 %1：%2</translation>
    </message>
    <message>
        <source>%1 was sealed with another key; enter it again</source>
        <translation>%1 是用另一个密钥加密的，请重新输入</translation>
    </message>
    <message>
        <source>%1 with %2 % of its week left.</source>
        <translation>%1，本周额度剩余 %2 %。</translation>
    </message>
    <message>
        <source>%1 with %2 left.</source>
        <translation>%1，剩余 %2。</translation>
    </message>
    <message>
        <source>%1, %2 could not be: %3</source>
        <translation>%1，%2 个未能完成：%3</translation>
    </message>
    <message>
        <source>%1, line %2</source>
        <translation>%1 第 %2 行</translation>
    </message>
    <message>
        <source>%1, line %2: %3.</source>
        <translation>%1 第 %2 行：%3。</translation>
    </message>
    <message>
        <source>%1, line %2: &apos;%3&apos; is written in a way that GrokDesk does not change.</source>
        <translation>%1 第 %2 行：“%3”的写法使 GrokDesk 不会更改它。</translation>
    </message>
    <message>
        <source>%1, line %2: this is not UTF-8 text.</source>
        <translation>%1 第 %2 行：这不是 UTF-8 文本。</translation>
    </message>
    <message>
        <source>%1, then no more: %2</source>
        <translation>%1，随后中止：%2</translation>
    </message>
    <message>
        <source>%1: this is not a JSON list: %2</source>
        <translation>%1：这不是 JSON 列表：%2</translation>
    </message>
    <message>
        <source>%1; use http, https, socks4 or socks5, such as socks5://host:1080</source>
        <translation>%1；请使用 http、https、socks4 或 socks5，例如 socks5://host:1080</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is %2; it must be a size in pixels such as 1024x1024, or one of %3, auto.</source>
        <translation>“%1”为 %2；必须是像素尺寸（例如 1024x1024），或 %3、auto 之一。</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is %2; it must be a whole number of seconds, 1 to %3.</source>
        <translation>“%1”为 %2；必须是 1 到 %3 之间的整数秒数。</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is %2; it must be one of %3.</source>
        <translation>“%1”为 %2；必须是 %3 之一。</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is a section: write [%2]</source>
        <translation>“%1”是一个小节：请写成 [%2]</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is no name and keys such as palette = Ctrl+P</source>
        <translation>“%1”不是名称加快捷键的形式，例如 palette = Ctrl+P</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is no pair of names such as gpt-4o = grok-4.20-auto</source>
        <translation>“%1”不是成对的名称，例如 gpt-4o = grok-4.20-auto</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is not a proxy scheme</source>
        <translation>“%1”不是代理协议</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is not a section and was ignored</source>
        <translation>“%1”不是小节，已忽略</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is not a setting and was ignored</source>
        <translation>“%1”不是设置项，已忽略</translation>
    </message>
    <message>
        <source>&apos;%1&apos; is not a setting.</source>
        <translation>“%1”不是设置项。</translation>
    </message>
    <message>
        <source>&apos;%1&apos; stands here twice</source>
        <translation>“%1”在这里出现了两次</translation>
    </message>
    <message>
        <source>&apos;image_config.n&apos; is %1; it must be 1 to %2.</source>
        <translation>“image_config.n”为 %1；必须在 1 到 %2 之间。</translation>
    </message>
    <message>
        <source>&apos;image_config.response_format&apos; is %1; it must be url or b64_json.</source>
        <translation>“image_config.response_format”为 %1；必须是 url 或 b64_json。</translation>
    </message>
    <message>
        <source>&apos;n&apos; is %1; it must be 1 to %2.</source>
        <translation>“n”为 %1；必须在 1 到 %2 之间。</translation>
    </message>
    <message>
        <source>&apos;speed&apos; is %1; it must be %2 to %3.</source>
        <translation>“speed”为 %1；必须在 %2 到 %3 之间。</translation>
    </message>
    <message>
        <source>, %1 could not be had</source>
        <translation>，%1 个无法取得</translation>
    </message>
    <message>
        <source>/ is unexpected</source>
        <translation>多余的 /</translation>
    </message>
    <message>
        <source>1 account</source>
        <translation>1 个账号</translation>
    </message>
    <message>
        <source>A %1 account</source>
        <translation>%1 账号</translation>
    </message>
    <message>
        <source>A change could not be saved.</source>
        <translation>有一项更改无法保存。</translation>
    </message>
    <message>
        <source>A passphrase needs at least %1 characters.</source>
        <translation>口令至少需要 %1 个字符。</translation>
    </message>
    <message>
        <source>A picture or film cannot be made from a file of the type %1.</source>
        <translation>%1 类型的文件不能用来生成图片或视频。</translation>
    </message>
    <message>
        <source>A removed account can be brought back for 30 days.</source>
        <translation>移除的账号在 30 天内可以恢复。</translation>
    </message>
    <message>
        <source>A shared store needs a team key, and there is none.</source>
        <translation>共享存储需要团队密钥，但没有设置。</translation>
    </message>
    <message>
        <source>A stored secret cannot be opened: it was changed, moved, or sealed with another key.</source>
        <translation>保存的机密内容无法打开：它被更改、移动过，或是用另一个密钥加密的。</translation>
    </message>
    <message>
        <source>A tag has 1 to %1 characters and no comma, and a file at most %2.</source>
        <translation>标签须有 1 到 %1 个字符且不含逗号，每个文件最多 %2 个标签。</translation>
    </message>
    <message>
        <source>A tag has 1 to %1 characters and no comma.</source>
        <translation>标签须有 1 到 %1 个字符且不含逗号。</translation>
    </message>
    <message>
        <source>Add a proxy under Network, or connect directly.</source>
        <translation>请在“网络”中添加代理，或选择直接连接。</translation>
    </message>
    <message>
        <source>Add an account in GrokDesk, then try again.</source>
        <translation>请在 GrokDesk 中添加账号，然后再试。</translation>
    </message>
    <message>
        <source>Add an account that may have it; Accounts in GrokDesk shows what each has.</source>
        <translation>请添加可以使用它的账号；GrokDesk 的“账号”页面会显示每个账号拥有什么。</translation>
    </message>
    <message>
        <source>Add ssl-mode=verify_identity, verify_ca or required.</source>
        <translation>请添加 ssl-mode=verify_identity、verify_ca 或 required。</translation>
    </message>
    <message>
        <source>Add sslmode=verify-full, verify-ca or require.</source>
        <translation>请添加 sslmode=verify-full、verify-ca 或 require。</translation>
    </message>
    <message>
        <source>Add such an account, or choose a model that a basic account serves, such as grok-4.20-fast.</source>
        <translation>请添加这样的账号，或选择 Basic 账号可用的模型，例如 grok-4.20-fast。</translation>
    </message>
    <message>
        <source>Add the origin to the setting gateway.allowed_origins if you trust the page.</source>
        <translation>如果信任该网页，请把来源添加到设置 gateway.allowed_origins。</translation>
    </message>
    <message>
        <source>Adult content is no longer shown.</source>
        <translation>不再显示成人内容。</translation>
    </message>
    <message>
        <source>Adult content is only for people of %1 years and older.</source>
        <translation>成人内容仅面向年满 %1 岁的人。</translation>
    </message>
    <message>
        <source>Adult content was shown already; nothing was done.</source>
        <translation>成人内容此前已显示，无需操作。</translation>
    </message>
    <message>
        <source>All %1 accounts for this model are busy with other requests.</source>
        <translation>适用于此模型的 %1 个账号都在忙于其他请求。</translation>
    </message>
    <message>
        <source>All %1 accounts for this model are out of %2 or resting; the next is ready in %3.</source>
        <translation>适用于此模型的 %1 个账号的%2都已用完或正在冷却；最早 %3后可用。</translation>
    </message>
    <message>
        <source>All %1 accounts for this model are signed out, blocked or switched off.</source>
        <translation>适用于此模型的 %1 个账号都已登录失效、被封禁或停用。</translation>
    </message>
    <message>
        <source>All settings; of secrets only whether they are set.</source>
        <translation>所有设置；机密内容只注明是否已设置。</translation>
    </message>
    <message>
        <source>An API key is required.</source>
        <translation>需要 API 密钥。</translation>
    </message>
    <message>
        <source>An account can have %1 tags.</source>
        <translation>每个账号可以有 %1 个标签。</translation>
    </message>
    <message>
        <source>An account can have %1 tags: %2 would have more.</source>
        <translation>每个账号可以有 %1 个标签：%2 会超出。</translation>
    </message>
    <message>
        <source>An account of unknown tier</source>
        <translation>等级未知的账号</translation>
    </message>
    <message>
        <source>Another account has it by now.</source>
        <translation>另一个账号现在拥有它。</translation>
    </message>
    <message>
        <source>Another gateway is setting up the shared store.</source>
        <translation>另一个网关正在建立共享存储。</translation>
    </message>
    <message>
        <source>Another program holds the database.</source>
        <translation>另一个程序占用了数据库。</translation>
    </message>
    <message>
        <source>As it was before.</source>
        <translation>保持原样。</translation>
    </message>
    <message>
        <source>Ask again.</source>
        <translation>请再问一次。</translation>
    </message>
    <message>
        <source>Ask again. If it happens every time, Grok has changed; look for an update.</source>
        <translation>请再问一次。如果每次都这样，说明 Grok 已有变化，请查找更新。</translation>
    </message>
    <message>
        <source>Ask for at most 6 seconds in 720p, or add such an account.</source>
        <translation>请要求不超过 6 秒的 720p 视频，或添加这样的账号。</translation>
    </message>
    <message>
        <source>Ask for something else.</source>
        <translation>请换个内容再试。</translation>
    </message>
    <message>
        <source>Ask something else, or try again much later.</source>
        <translation>请换个问题，或很久以后再试。</translation>
    </message>
    <message>
        <source>At least </source>
        <translation>至少 </translation>
    </message>
    <message>
        <source>At least %1</source>
        <translation>至少 %1</translation>
    </message>
    <message>
        <source>Attach a picture, or use grok-imagine-image to make one from words.</source>
        <translation>请附上图片，或使用 grok-imagine-image 根据文字生成。</translation>
    </message>
    <message>
        <source>Attachment %1 has %2 MB; at most %3 MB are possible.</source>
        <translation>附件 %1 有 %2 MB；最多允许 %3 MB。</translation>
    </message>
    <message>
        <source>Attachment %1 is empty.</source>
        <translation>附件 %1 是空的。</translation>
    </message>
    <message>
        <source>Begin at the start of the list.</source>
        <translation>请从列表开头开始。</translation>
    </message>
    <message>
        <source>Bring the account back, or begin anew.</source>
        <translation>请恢复该账号，或重新开始。</translation>
    </message>
    <message>
        <source>Call again with arguments that fit.</source>
        <translation>请使用合适的参数重新调用。</translation>
    </message>
    <message>
        <source>Change grok_web.statsig or egress.user_agent, or use another proxy.</source>
        <translation>请更改 grok_web.statsig 或 egress.user_agent，或改用其他代理。</translation>
    </message>
    <message>
        <source>Change the setting gateway.host.</source>
        <translation>请更改设置 gateway.host。</translation>
    </message>
    <message>
        <source>Characters such as @ : / in a name or password are written as %40 %3A %2F.</source>
        <translation>名称或密码中的 @ : / 等字符应写成 %40 %3A %2F。</translation>
    </message>
    <message>
        <source>Check %1</source>
        <translation>检查 %1</translation>
    </message>
    <message>
        <source>Check both in the setting `storage.url`.</source>
        <translation>请检查设置 `storage.url` 中的两者。</translation>
    </message>
    <message>
        <source>Check it again, or add its new token, and then repeat this.</source>
        <translation>请再次检查它，或添加它的新令牌，然后重复此操作。</translation>
    </message>
    <message>
        <source>Check it again.</source>
        <translation>请再次检查它。</translation>
    </message>
    <message>
        <source>Check its rights and that the disk is not full. No file was changed.</source>
        <translation>请检查它的权限以及磁盘是否已满。没有更改任何文件。</translation>
    </message>
    <message>
        <source>Check name, password and database in the address of %1.</source>
        <translation>请检查 %1 地址中的用户名、密码和数据库。</translation>
    </message>
    <message>
        <source>Check that %1 is the main server, and not a copy of it.</source>
        <translation>请检查 %1 是否为主服务器，而不是副本。</translation>
    </message>
    <message>
        <source>Check that a file can be made in %1.</source>
        <translation>请检查能否在 %1 中创建文件。</translation>
    </message>
    <message>
        <source>Check that it can be written and the disk is not full.</source>
        <translation>请检查它是否可以写入，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Check that it exists and that you may read it.</source>
        <translation>请检查它是否存在，以及你是否有权读取。</translation>
    </message>
    <message>
        <source>Check that it is still there.</source>
        <translation>请检查它是否还在。</translation>
    </message>
    <message>
        <source>Check that proxy, or choose another way out for the account.</source>
        <translation>请检查该代理，或为账号选择其他出口。</translation>
    </message>
    <message>
        <source>Check that the Redis server at %1 runs, and that this computer can reach it.</source>
        <translation>请检查 %1 上的 Redis 服务器是否正在运行，以及这台电脑能否连接到它。</translation>
    </message>
    <message>
        <source>Check that the data folder can be written and the disk is not full.</source>
        <translation>请检查数据文件夹是否可以写入，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Check that the disk is not full. It is tried again in an hour.</source>
        <translation>请检查磁盘是否已满。一小时后会再次尝试。</translation>
    </message>
    <message>
        <source>Check that the folder `media` of the data folder can be written.</source>
        <translation>请检查数据文件夹中的 `media` 文件夹是否可以写入。</translation>
    </message>
    <message>
        <source>Check that the folder can be written and the disk is not full.</source>
        <translation>请检查文件夹是否可以写入，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Check that the folder can be written, or choose another one with --data-dir.</source>
        <translation>请检查文件夹是否可以写入，或用 --data-dir 选择其他文件夹。</translation>
    </message>
    <message>
        <source>Check that the folder exists and that you may read it.</source>
        <translation>请检查文件夹是否存在，以及你是否有权读取。</translation>
    </message>
    <message>
        <source>Check that the folder of the log can be written and the disk is not full.</source>
        <translation>请检查日志文件夹是否可以写入，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Check that the folder of the settings can be written and the disk is not full.</source>
        <translation>请检查设置文件夹是否可以写入，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Check that the server at %1 is up and can be reached from here.</source>
        <translation>请检查 %1 上的服务器是否正在运行，以及能否从这里连接。</translation>
    </message>
    <message>
        <source>Check that your settings folder can be written.</source>
        <translation>请检查你的设置文件夹是否可以写入。</translation>
    </message>
    <message>
        <source>Check the account again later.</source>
        <translation>请稍后再次检查该账号。</translation>
    </message>
    <message>
        <source>Check the account at grok.com, or try again later.</source>
        <translation>请到 grok.com 查看该账号，或稍后再试。</translation>
    </message>
    <message>
        <source>Check the certificates, and the options about TLS in the address of %1.</source>
        <translation>请检查证书，以及 %1 地址中的 TLS 选项。</translation>
    </message>
    <message>
        <source>Check the disk and the data folder.</source>
        <translation>请检查磁盘和数据文件夹。</translation>
    </message>
    <message>
        <source>Check the disk and the folder `media` of the data folder.</source>
        <translation>请检查磁盘和数据文件夹中的 `media` 文件夹。</translation>
    </message>
    <message>
        <source>Check the files that the address names.</source>
        <translation>请检查地址中指定的文件。</translation>
    </message>
    <message>
        <source>Check the internet connection or choose a proxy under Network.</source>
        <translation>请检查网络连接，或在“网络”中选择代理。</translation>
    </message>
    <message>
        <source>Check the internet connection or choose another proxy under Network.</source>
        <translation>请检查网络连接，或在“网络”中选择其他代理。</translation>
    </message>
    <message>
        <source>Check the internet connection or choose another way under Network.</source>
        <translation>请检查网络连接，或在“网络”中选择其他出口。</translation>
    </message>
    <message>
        <source>Check the path in GROKDESK_PASSPHRASE_FILE.</source>
        <translation>请检查 GROKDESK_PASSPHRASE_FILE 中的路径。</translation>
    </message>
    <message>
        <source>Check the primary Redis server.</source>
        <translation>请检查 Redis 主服务器。</translation>
    </message>
    <message>
        <source>Check the proxy&apos;s address under Network.</source>
        <translation>请在“网络”中检查代理地址。</translation>
    </message>
    <message>
        <source>Check the replicas of the Redis server.</source>
        <translation>请检查 Redis 服务器的副本。</translation>
    </message>
    <message>
        <source>Check the rights of the data folder.</source>
        <translation>请检查数据文件夹的权限。</translation>
    </message>
    <message>
        <source>Check the rights of the file and of its folder.</source>
        <translation>请检查文件及其所在文件夹的权限。</translation>
    </message>
    <message>
        <source>Check the rights of the file and that the disk is not full. It was not changed.</source>
        <translation>请检查文件的权限以及磁盘是否已满。文件没有被更改。</translation>
    </message>
    <message>
        <source>Check the rights of the file.</source>
        <translation>请检查文件的权限。</translation>
    </message>
    <message>
        <source>Check the rights of the file. It was not changed.</source>
        <translation>请检查文件的权限。文件没有被更改。</translation>
    </message>
    <message>
        <source>Check the rights of the folder and the room on the disk.</source>
        <translation>请检查文件夹的权限和磁盘的剩余空间。</translation>
    </message>
    <message>
        <source>Check the rights of the folder.</source>
        <translation>请检查文件夹的权限。</translation>
    </message>
    <message>
        <source>Check the solver&apos;s address under Network and that the solver runs.</source>
        <translation>请在“网络”中检查求解器的地址，并确认求解器正在运行。</translation>
    </message>
    <message>
        <source>Check the solver&apos;s address under Network: something else may answer there.</source>
        <translation>请在“网络”中检查求解器的地址：在那里应答的可能是别的程序。</translation>
    </message>
    <message>
        <source>Check what else runs on the Redis server.</source>
        <translation>请检查 Redis 服务器上还运行着什么。</translation>
    </message>
    <message>
        <source>Choose a TOML file.</source>
        <translation>请选择 TOML 文件。</translation>
    </message>
    <message>
        <source>Choose a file of the folder `backups`.</source>
        <translation>请选择 `backups` 文件夹中的文件。</translation>
    </message>
    <message>
        <source>Choose a folder you may write to.</source>
        <translation>请选择你有权写入的文件夹。</translation>
    </message>
    <message>
        <source>Choose a port above 1023 in gateway.port.</source>
        <translation>请在 gateway.port 中选择大于 1023 的端口。</translation>
    </message>
    <message>
        <source>Choose another file.</source>
        <translation>请选择其他文件。</translation>
    </message>
    <message>
        <source>Choose another one with --data-dir.</source>
        <translation>请用 --data-dir 选择其他文件夹。</translation>
    </message>
    <message>
        <source>Choose another one. Nothing was changed.</source>
        <translation>请选择其他文件。没有更改任何内容。</translation>
    </message>
    <message>
        <source>Choose another place, or make room on the disk.</source>
        <translation>请选择其他位置，或在磁盘上腾出空间。</translation>
    </message>
    <message>
        <source>Choose another way out under Network.</source>
        <translation>请在“网络”中选择其他出口。</translation>
    </message>
    <message>
        <source>Choose the TOML file of an export.</source>
        <translation>请选择导出的 TOML 文件。</translation>
    </message>
    <message>
        <source>Choose the data folder of grok2api: it has a folder `files` with `images` and `videos`.</source>
        <translation>请选择 grok2api 的数据文件夹：其中有 `files` 文件夹，内含 `images` 和 `videos`。</translation>
    </message>
    <message>
        <source>Close other programs that use the data folder.</source>
        <translation>请关闭使用该数据文件夹的其他程序。</translation>
    </message>
    <message>
        <source>Close that program, or set gateway.port (--port) to a free one such as %1.</source>
        <translation>请关闭那个程序，或把 gateway.port (--port) 设为空闲端口，例如 %1。</translation>
    </message>
    <message>
        <source>Close that program, or set gateway.port (--port) to a free one.</source>
        <translation>请关闭那个程序，或把 gateway.port (--port) 设为空闲端口。</translation>
    </message>
    <message>
        <source>Cloudflare cookies</source>
        <translation>Cloudflare Cookie</translation>
    </message>
    <message>
        <source>Cloudflare does not let this address pass at all, says the solver.</source>
        <translation>求解器表示，Cloudflare 完全不放行此地址。</translation>
    </message>
    <message>
        <source>Cloudflare stopped this request on the way to Grok; the account is fine.</source>
        <translation>Cloudflare 在通往 Grok 的途中拦截了此请求；账号没有问题。</translation>
    </message>
    <message>
        <source>Cloudflare wants to see a browser first, and the solver is slow: it has not passed the check within %1 seconds.</source>
        <translation>Cloudflare 要求先看到浏览器，而求解器很慢：%1 秒内没有通过验证。</translation>
    </message>
    <message>
        <source>Confirm it together with your own date of birth.</source>
        <translation>请连同你自己的出生日期一起确认。</translation>
    </message>
    <message>
        <source>Copy a key of this gateway from the GrokDesk window.</source>
        <translation>请从 GrokDesk 窗口复制此网关的密钥。</translation>
    </message>
    <message>
        <source>Copy the values by hand.</source>
        <translation>请手动复制这些值。</translation>
    </message>
    <message>
        <source>Copy the values by hand. The file was not changed.</source>
        <translation>请手动复制这些值。文件没有被更改。</translation>
    </message>
    <message>
        <source>Correct it in the system&apos;s settings, or choose another way out under Network.</source>
        <translation>请在系统设置中更正，或在“网络”中选择其他出口。</translation>
    </message>
    <message>
        <source>Correct it; until then the settings from before are used.</source>
        <translation>请更正它；在此之前使用之前的设置。</translation>
    </message>
    <message>
        <source>Correct the file, or copy the values by hand. It was not changed.</source>
        <translation>请更正文件，或手动复制这些值。文件没有被更改。</translation>
    </message>
    <message>
        <source>Correct the file, then undo again. It was not changed.</source>
        <translation>请更正文件，然后再次撤销。文件没有被更改。</translation>
    </message>
    <message>
        <source>Correct the file.</source>
        <translation>请更正文件。</translation>
    </message>
    <message>
        <source>Correct the number at the end of the setting `storage.url`.</source>
        <translation>请更正设置 `storage.url` 末尾的数字。</translation>
    </message>
    <message>
        <source>Correct the setting `storage.url`, such as redis://name:password@host:6379/0.</source>
        <translation>请更正设置 `storage.url`，例如 redis://name:password@host:6379/0。</translation>
    </message>
    <message>
        <source>Correct them under Network.</source>
        <translation>请在“网络”中更正它们。</translation>
    </message>
    <message>
        <source>Create the database that the address of %1 names.</source>
        <translation>请创建 %1 地址中指定的数据库。</translation>
    </message>
    <message>
        <source>Delete the conversations of %1</source>
        <translation>删除 %1 的对话</translation>
    </message>
    <message>
        <source>Delete the files of %1</source>
        <translation>删除 %1 的文件</translation>
    </message>
    <message>
        <source>Describe something else, or use other pictures.</source>
        <translation>请换一种描述，或使用其他图片。</translation>
    </message>
    <message>
        <source>Describe something else.</source>
        <translation>请换一种描述。</translation>
    </message>
    <message>
        <source>Describe the picture in another way.</source>
        <translation>请用另一种方式描述图片。</translation>
    </message>
    <message>
        <source>Did you mean %1?</source>
        <translation>是指 %1 吗？</translation>
    </message>
    <message>
        <source>Enter the address of the primary server.</source>
        <translation>请输入主服务器的地址。</translation>
    </message>
    <message>
        <source>Enter the team key that the store was made with. Nothing was changed.</source>
        <translation>请输入创建该存储时使用的团队密钥。没有更改任何内容。</translation>
    </message>
    <message>
        <source>Every account has its own way through this proxy, and none has met a check yet.</source>
        <translation>每个账号都有自己的通路经过此代理，目前都没有遇到验证。</translation>
    </message>
    <message>
        <source>Fetch the files of %1</source>
        <translation>取回 %1 的文件</translation>
    </message>
    <message>
        <source>GET /v1/models lists the names, for example %1.</source>
        <translation>GET /v1/models 会列出名称，例如 %1。</translation>
    </message>
    <message>
        <source>Give it as year, month and day, such as 1990-05-17.</source>
        <translation>请按年、月、日填写，例如 1990-05-17。</translation>
    </message>
    <message>
        <source>Give it more memory, or let GrokDesk keep less.</source>
        <translation>请给它更多内存，或让 GrokDesk 少保留一些。</translation>
    </message>
    <message>
        <source>Give several tags one by one.</source>
        <translation>多个标签请逐个填写。</translation>
    </message>
    <message>
        <source>Give the user of the address the right to create and change tables in its database.</source>
        <translation>请授予地址中的用户在其数据库中创建和更改表的权限。</translation>
    </message>
    <message>
        <source>Grok %1: nothing came for %2 seconds.</source>
        <translation>Grok %1：%2 秒内没有任何内容。</translation>
    </message>
    <message>
        <source>Grok answered in words instead of drawing.</source>
        <translation>Grok 用文字作答，没有绘制。</translation>
    </message>
    <message>
        <source>Grok answered the WebSocket handshake wrongly.</source>
        <translation>Grok 对 WebSocket 握手的应答不正确。</translation>
    </message>
    <message>
        <source>Grok broke off its answer with an error of its own.</source>
        <translation>Grok 因自身错误中断了回答。</translation>
    </message>
    <message>
        <source>Grok cannot be reached</source>
        <translation>无法连接 Grok</translation>
    </message>
    <message>
        <source>Grok could not make it</source>
        <translation>Grok 无法生成</translation>
    </message>
    <message>
        <source>Grok could not make this: it ended with an error of its own.</source>
        <translation>Grok 无法生成：它因自身错误而结束。</translation>
    </message>
    <message>
        <source>Grok did not accept the request</source>
        <translation>Grok 没有接受请求</translation>
    </message>
    <message>
        <source>Grok did not accept this request.</source>
        <translation>Grok 没有接受此请求。</translation>
    </message>
    <message>
        <source>Grok did not answer</source>
        <translation>Grok 没有应答</translation>
    </message>
    <message>
        <source>Grok did not say where it put the attachment.</source>
        <translation>Grok 没有说明附件存放在哪里。</translation>
    </message>
    <message>
        <source>Grok did not say where it put the draft of this job.</source>
        <translation>Grok 没有说明此任务的草稿存放在哪里。</translation>
    </message>
    <message>
        <source>Grok did not say where it put the larger film.</source>
        <translation>Grok 没有说明放大后的视频存放在哪里。</translation>
    </message>
    <message>
        <source>Grok did not say where it put the picture.</source>
        <translation>Grok 没有说明图片存放在哪里。</translation>
    </message>
    <message>
        <source>Grok did not say where the film can be seen.</source>
        <translation>Grok 没有说明在哪里可以看到视频。</translation>
    </message>
    <message>
        <source>Grok did not say whose account this is.</source>
        <translation>Grok 没有说明这是谁的账号。</translation>
    </message>
    <message>
        <source>Grok did not tell the user id of this account, without which its current chat cannot be opened.</source>
        <translation>Grok 没有告知此账号的用户 ID，缺少它就无法打开当前形式的对话。</translation>
    </message>
    <message>
        <source>Grok did not tell what is left of this account&apos;s weekly pool.</source>
        <translation>Grok 没有告知此账号本周的剩余额度。</translation>
    </message>
    <message>
        <source>Grok does not accept this attachment.</source>
        <translation>Grok 不接受此附件。</translation>
    </message>
    <message>
        <source>Grok does not accept this picture.</source>
        <translation>Grok 不接受此图片。</translation>
    </message>
    <message>
        <source>Grok does not give this file to this account.</source>
        <translation>Grok 不把此文件提供给此账号。</translation>
    </message>
    <message>
        <source>Grok does not have it any more.</source>
        <translation>Grok 已经没有它了。</translation>
    </message>
    <message>
        <source>Grok does not have this file any more.</source>
        <translation>Grok 已经没有此文件了。</translation>
    </message>
    <message>
        <source>Grok does not know this conversation any more.</source>
        <translation>Grok 已经不认识此对话了。</translation>
    </message>
    <message>
        <source>Grok does not know this form of chat.</source>
        <translation>Grok 不认识这种对话形式。</translation>
    </message>
    <message>
        <source>Grok does not know this form of requests for pictures and films.</source>
        <translation>Grok 不认识这种图片和视频的请求形式。</translation>
    </message>
    <message>
        <source>Grok does not make this because of its content; the account is fine.</source>
        <translation>Grok 因内容原因不予生成；账号没有问题。</translation>
    </message>
    <message>
        <source>Grok does not offer this to any of the accounts.</source>
        <translation>Grok 没有向任何一个账号提供此功能。</translation>
    </message>
    <message>
        <source>Grok does not send this file.</source>
        <translation>Grok 不发送此文件。</translation>
    </message>
    <message>
        <source>Grok does not want to be asked so often by this account.</source>
        <translation>Grok 不希望此账号这样频繁地请求。</translation>
    </message>
    <message>
        <source>Grok ended the conversation before it began.</source>
        <translation>Grok 在对话开始之前就结束了它。</translation>
    </message>
    <message>
        <source>Grok gave no token for a voice session.</source>
        <translation>Grok 没有给出语音会话的令牌。</translation>
    </message>
    <message>
        <source>Grok gives films of this length or resolution to %1 accounts only, and there is none here.</source>
        <translation>Grok 只向 %1 账号提供这种时长或分辨率的视频，而这里没有这样的账号。</translation>
    </message>
    <message>
        <source>Grok had ended this sign-in when it came from grok2api.</source>
        <translation>从 grok2api 转来时，Grok 已结束了此登录。</translation>
    </message>
    <message>
        <source>Grok has a problem of its own, and says that asking again does not help.</source>
        <translation>Grok 自身出现问题，并表示再次请求也没有用。</translation>
    </message>
    <message>
        <source>Grok has blocked this account.</source>
        <translation>Grok 已封禁此账号。</translation>
    </message>
    <message>
        <source>Grok is overloaded</source>
        <translation>Grok 负载过高</translation>
    </message>
    <message>
        <source>Grok is too busy to answer; neither the account nor the connection is at fault.</source>
        <translation>Grok 太忙，无法回答；账号和连接都没有问题。</translation>
    </message>
    <message>
        <source>Grok made a picture and withheld it because of its content; the account is fine.</source>
        <translation>Grok 生成了图片，但因内容原因未予显示；账号没有问题。</translation>
    </message>
    <message>
        <source>Grok made no %1 and did not say why.</source>
        <translation>Grok 没有生成%1，也没有说明原因。</translation>
    </message>
    <message>
        <source>Grok made no more.</source>
        <translation>Grok 没有再生成更多。</translation>
    </message>
    <message>
        <source>Grok made nothing</source>
        <translation>Grok 没有生成任何内容</translation>
    </message>
    <message>
        <source>Grok made the %1, but it could not be fetched: %2</source>
        <translation>Grok 生成了%1，但无法取回：%2</translation>
    </message>
    <message>
        <source>Grok no longer accepts this account&apos;s sign-in.</source>
        <translation>Grok 不再接受此账号的登录。</translation>
    </message>
    <message>
        <source>Grok opened another conversation than the one that was asked for.</source>
        <translation>Grok 打开的对话与请求的不同。</translation>
    </message>
    <message>
        <source>Grok refused the account</source>
        <translation>Grok 拒绝了该账号</translation>
    </message>
    <message>
        <source>Grok refused the content</source>
        <translation>Grok 拒绝了该内容</translation>
    </message>
    <message>
        <source>Grok refused this request without saying why; most often the way there is the cause.</source>
        <translation>Grok 没有说明原因就拒绝了此请求；多半是途经的网络所致。</translation>
    </message>
    <message>
        <source>Grok refuses this account.</source>
        <translation>Grok 拒绝此账号。</translation>
    </message>
    <message>
        <source>Grok refuses this content; the account is fine.</source>
        <translation>Grok 拒绝此内容；账号没有问题。</translation>
    </message>
    <message>
        <source>Grok says that the %1 is gone, and lists it all the same.</source>
        <translation>Grok 表示该%1已不存在，却仍然列出它。</translation>
    </message>
    <message>
        <source>Grok sends from one address of this file to the next.</source>
        <translation>Grok 把此文件的地址转来转去。</translation>
    </message>
    <message>
        <source>Grok sent a page instead of the file.</source>
        <translation>Grok 发来的是网页，而不是文件。</translation>
    </message>
    <message>
        <source>Grok sent a piece of an answer that is too large to be one.</source>
        <translation>Grok 发来的一段回答过大，不可能正常。</translation>
    </message>
    <message>
        <source>Grok sent an empty answer</source>
        <translation>Grok 的回答为空</translation>
    </message>
    <message>
        <source>Grok sent an empty answer.</source>
        <translation>Grok 的回答为空。</translation>
    </message>
    <message>
        <source>Grok sent this file without any content.</source>
        <translation>Grok 发来的文件没有任何内容。</translation>
    </message>
    <message>
        <source>Grok thought about this but sent no answer.</source>
        <translation>Grok 进行了思考，但没有给出回答。</translation>
    </message>
    <message>
        <source>Grok took this request for a robot&apos;s and stopped it; the account is fine.</source>
        <translation>Grok 把此请求当作机器人拦截了；账号没有问题。</translation>
    </message>
    <message>
        <source>Grok took too long</source>
        <translation>Grok 用时过长</translation>
    </message>
    <message>
        <source>Grok withheld the %1: its moderation does not let this be shown.</source>
        <translation>Grok 未予显示该%1：它的内容审核不允许显示。</translation>
    </message>
    <message>
        <source>Grok withheld this film because of its content.</source>
        <translation>Grok 因内容原因未予显示此视频。</translation>
    </message>
    <message>
        <source>Grok withheld this picture because of its content.</source>
        <translation>Grok 因内容原因未予显示此图片。</translation>
    </message>
    <message>
        <source>Grok withheld what it made</source>
        <translation>Grok 未予显示生成的内容</translation>
    </message>
    <message>
        <source>Grok&apos;s answer about this account cannot be read.</source>
        <translation>无法读取 Grok 关于此账号的回答。</translation>
    </message>
    <message>
        <source>Grok&apos;s answer about what this account has left cannot be read.</source>
        <translation>无法读取 Grok 关于此账号剩余额度的回答。</translation>
    </message>
    <message>
        <source>Grok&apos;s answer broke off in the middle.</source>
        <translation>Grok 的回答中途断开。</translation>
    </message>
    <message>
        <source>Grok&apos;s answer cannot be read</source>
        <translation>无法读取 Grok 的回答</translation>
    </message>
    <message>
        <source>Grok&apos;s answer ended before the film was there.</source>
        <translation>视频尚未到达，Grok 的回答就结束了。</translation>
    </message>
    <message>
        <source>Grok&apos;s answer ended before the picture was there.</source>
        <translation>图片尚未到达，Grok 的回答就结束了。</translation>
    </message>
    <message>
        <source>Grok&apos;s answer ended without an end.</source>
        <translation>Grok 的回答没有正常结束。</translation>
    </message>
    <message>
        <source>Grok&apos;s answer is not in the form that is expected.</source>
        <translation>Grok 的回答不是预期的形式。</translation>
    </message>
    <message>
        <source>Grok&apos;s answer took longer than %1 seconds in all.</source>
        <translation>Grok 的回答总共超过了 %1 秒。</translation>
    </message>
    <message>
        <source>Grok&apos;s connection sent something unreadable.</source>
        <translation>Grok 的连接发来了无法读取的内容。</translation>
    </message>
    <message>
        <source>Grok&apos;s list of what this account keeps cannot be read.</source>
        <translation>无法读取 Grok 列出的此账号保存的内容。</translation>
    </message>
    <message>
        <source>Grok&apos;s moderation withheld %1.</source>
        <translation>Grok 的内容审核未予显示 %1 个。</translation>
    </message>
    <message>
        <source>Grok&apos;s servers have a problem of their own; the account is fine.</source>
        <translation>Grok 的服务器自身出现问题；账号没有问题。</translation>
    </message>
    <message>
        <source>Grok&apos;s servers of files are too busy to send this one.</source>
        <translation>Grok 的文件服务器太忙，无法发送此文件。</translation>
    </message>
    <message>
        <source>Grok&apos;s servers took too long to answer.</source>
        <translation>Grok 的服务器应答时间过长。</translation>
    </message>
    <message>
        <source>Grok&apos;s work took longer than %1 seconds in all.</source>
        <translation>Grok 的处理总共超过了 %1 秒。</translation>
    </message>
    <message>
        <source>GrokDesk cannot listen for its own commands.</source>
        <translation>GrokDesk 无法监听自己的命令。</translation>
    </message>
    <message>
        <source>GrokDesk cannot speak like this browser; use Chrome, Edge, Firefox or Safari to pass the check.</source>
        <translation>GrokDesk 无法模仿这种浏览器；请使用 Chrome、Edge、Firefox 或 Safari 通过验证。</translation>
    </message>
    <message>
        <source>GrokDesk could not do that: the fault is its own.</source>
        <translation>GrokDesk 无法完成：是它自身的故障。</translation>
    </message>
    <message>
        <source>GrokDesk ended before this was done.</source>
        <translation>GrokDesk 在完成之前退出了。</translation>
    </message>
    <message>
        <source>GrokDesk failed to answer. Its log has the details under %1.</source>
        <translation>GrokDesk 未能应答。日志中 %1 处有详细信息。</translation>
    </message>
    <message>
        <source>GrokDesk has a problem</source>
        <translation>GrokDesk 出现问题</translation>
    </message>
    <message>
        <source>GrokDesk is already running</source>
        <translation>GrokDesk 已在运行</translation>
    </message>
    <message>
        <source>GrokDesk is already running with this data folder.</source>
        <translation>GrokDesk 已在使用此数据文件夹运行。</translation>
    </message>
    <message>
        <source>GrokDesk is set to leave through proxies, and there is none.</source>
        <translation>GrokDesk 设置为通过代理连接，但没有代理。</translation>
    </message>
    <message>
        <source>GrokDesk made a mistake.</source>
        <translation>GrokDesk 出错了。</translation>
    </message>
    <message>
        <source>GrokDesk needs a single server, with replicas if you like.</source>
        <translation>GrokDesk 需要单个服务器，可以带副本。</translation>
    </message>
    <message>
        <source>GrokDesk was not started</source>
        <translation>GrokDesk 没有启动</translation>
    </message>
    <message>
        <source>GrokDesk was not started: the master key was not unlocked.</source>
        <translation>GrokDesk 没有启动：主密钥未解锁。</translation>
    </message>
    <message>
        <source>Hide adult content with %1</source>
        <translation>为 %1 隐藏成人内容</translation>
    </message>
    <message>
        <source>How many accounts there are, by state and tier.</source>
        <translation>各状态和等级的账号数量。</translation>
    </message>
    <message>
        <source>If it happens every time, Grok has changed and this program needs an update.</source>
        <translation>如果每次都这样，说明 Grok 已有变化，本程序需要更新。</translation>
    </message>
    <message>
        <source>Install what is missing: pip install &apos;grokdesk[%1]&apos;</source>
        <translation>请安装缺少的部分：pip install &apos;grokdesk[%1]&apos;</translation>
    </message>
    <message>
        <source>It cannot be stored</source>
        <translation>无法存储</translation>
    </message>
    <message>
        <source>It does not begin with redis://, rediss:// or unix://.</source>
        <translation>它不是以 redis://、rediss:// 或 unix:// 开头。</translation>
    </message>
    <message>
        <source>It does not say where the socket is: unix:///run/redis/redis.sock.</source>
        <translation>它没有说明套接字的位置：unix:///run/redis/redis.sock。</translation>
    </message>
    <message>
        <source>It has %1.</source>
        <translation>它有 %1 个。</translation>
    </message>
    <message>
        <source>It has options that are not known here: %1.</source>
        <translation>它含有这里不认识的选项：%1。</translation>
    </message>
    <message>
        <source>It has the option %1 twice.</source>
        <translation>它有两个 %1 选项。</translation>
    </message>
    <message>
        <source>It is already there</source>
        <translation>已经存在</translation>
    </message>
    <message>
        <source>It is being looked for at Grok; if it was made, it appears here within minutes.</source>
        <translation>正在 Grok 查找；如果已生成，几分钟内会出现在这里。</translation>
    </message>
    <message>
        <source>It is gone already</source>
        <translation>已经不存在</translation>
    </message>
    <message>
        <source>It is lost when GrokDesk stops. The log says more.</source>
        <translation>GrokDesk 停止后它会丢失。日志中有更多信息。</translation>
    </message>
    <message>
        <source>It is not an address such as redis://host:6379/0.</source>
        <translation>它不是 redis://host:6379/0 这样的地址。</translation>
    </message>
    <message>
        <source>It is the full path of a socket; a server on the network stands before the slash.</source>
        <translation>它是套接字的完整路径；网络上的服务器应写在斜杠之前。</translation>
    </message>
    <message>
        <source>It is tried again by itself.</source>
        <translation>会自动再次尝试。</translation>
    </message>
    <message>
        <source>It may come from a newer GrokDesk: update this one and try again.</source>
        <translation>它可能来自更新版本的 GrokDesk：请更新本程序后再试。</translation>
    </message>
    <message>
        <source>It may have been deleted.</source>
        <translation>它可能已被删除。</translation>
    </message>
    <message>
        <source>It may still be among the files of the account.</source>
        <translation>它可能仍在该账号的文件中。</translation>
    </message>
    <message>
        <source>It may still be made</source>
        <translation>仍可能生成</translation>
    </message>
    <message>
        <source>It starts with postgresql://, mysql://, mariadb://, redis://, rediss:// or unix://.</source>
        <translation>它以 postgresql://、mysql://、mariadb://、redis://、rediss:// 或 unix:// 开头。</translation>
    </message>
    <message>
        <source>It was stopped.</source>
        <translation>已被停止。</translation>
    </message>
    <message>
        <source>It was switched off in grok2api.</source>
        <translation>它在 grok2api 中已被停用。</translation>
    </message>
    <message>
        <source>Its log says more.</source>
        <translation>它的日志中有更多信息。</translation>
    </message>
    <message>
        <source>Its owner can switch it on again (setting models.off).</source>
        <translation>它的主人可以重新开启它（设置 models.off）。</translation>
    </message>
    <message>
        <source>Its owner can switch it on in GrokDesk (media.allow_nsfw).</source>
        <translation>它的主人可以在 GrokDesk 中开启（media.allow_nsfw）。</translation>
    </message>
    <message>
        <source>Its token cannot be opened. Enter it again, or remove the account.</source>
        <translation>它的令牌无法打开。请重新输入，或移除该账号。</translation>
    </message>
    <message>
        <source>Known are %1.</source>
        <translation>可用的有 %1。</translation>
    </message>
    <message>
        <source>Known are disabled, required, verify_ca and verify_identity.</source>
        <translation>可用的有 disabled、required、verify_ca 和 verify_identity。</translation>
    </message>
    <message>
        <source>Let it run scripts, and use the keys and channels that begin with the prefix, such as: +@all -@admin ~grokdesk:* &amp;grokdesk:*</source>
        <translation>请允许它运行脚本，并使用以该前缀开头的键和频道，例如：+@all -@admin ~grokdesk:* &amp;grokdesk:*</translation>
    </message>
    <message>
        <source>List the conversations of %1</source>
        <translation>列出 %1 的对话</translation>
    </message>
    <message>
        <source>List the files of %1</source>
        <translation>列出 %1 的文件</translation>
    </message>
    <message>
        <source>Listening on %1 failed: %2.</source>
        <translation>在 %1 上监听失败：%2。</translation>
    </message>
    <message>
        <source>Look at the files of the account before you ask again.</source>
        <translation>再次请求之前，请先查看该账号的文件。</translation>
    </message>
    <message>
        <source>Look at the preview again.</source>
        <translation>请重新查看预览。</translation>
    </message>
    <message>
        <source>Look at the solver&apos;s own log; restart it, or allow it more time under Network.</source>
        <translation>请查看求解器自己的日志；重新启动它，或在“网络”中给它更多时间。</translation>
    </message>
    <message>
        <source>Make a new film.</source>
        <translation>请重新生成视频。</translation>
    </message>
    <message>
        <source>Make it writable, or change it where it is made. It was not changed.</source>
        <translation>请把它设为可写，或在生成它的地方更改。它没有被更改。</translation>
    </message>
    <message>
        <source>Make room on the disk of %1.</source>
        <translation>请在 %1 的磁盘上腾出空间。</translation>
    </message>
    <message>
        <source>Make room on the disk of the Redis server.</source>
        <translation>请在 Redis 服务器的磁盘上腾出空间。</translation>
    </message>
    <message>
        <source>Make room on the disk that holds the data folder.</source>
        <translation>请在数据文件夹所在的磁盘上腾出空间。</translation>
    </message>
    <message>
        <source>Make sure that the solver leaves by the same address as GrokDesk, or use another proxy under Network.</source>
        <translation>请确认求解器使用与 GrokDesk 相同的出口地址，或在“网络”中改用其他代理。</translation>
    </message>
    <message>
        <source>Memory, and how promptly the program reacts.</source>
        <translation>内存，以及程序的响应速度。</translation>
    </message>
    <message>
        <source>No Cloudflare solver is set up.</source>
        <translation>没有设置 Cloudflare 求解器。</translation>
    </message>
    <message>
        <source>No account could answer.</source>
        <translation>没有账号能够回答。</translation>
    </message>
    <message>
        <source>No account is free</source>
        <translation>没有空闲的账号</translation>
    </message>
    <message>
        <source>No answer within two minutes.</source>
        <translation>两分钟内没有回答。</translation>
    </message>
    <message>
        <source>No copy of the file could be made, so it was left alone.</source>
        <translation>无法为该文件制作副本，因此没有改动它。</translation>
    </message>
    <message>
        <source>No longer tagged %1.</source>
        <translation>不再带有标签 %1。</translation>
    </message>
    <message>
        <source>No safe connection to %1 is possible.</source>
        <translation>无法安全地连接到 %1。</translation>
    </message>
    <message>
        <source>None of the accounts can serve this model: it needs a %1 account.</source>
        <translation>没有账号可以提供此模型：它需要 %1 账号。</translation>
    </message>
    <message>
        <source>None of the stored accounts can be opened with this master key.</source>
        <translation>保存的账号都无法用此主密钥打开。</translation>
    </message>
    <message>
        <source>None of the stored accounts can be opened with this team key.</source>
        <translation>保存的账号都无法用此团队密钥打开。</translation>
    </message>
    <message>
        <source>None was added.</source>
        <translation>没有添加任何内容。</translation>
    </message>
    <message>
        <source>Not all pictures were made</source>
        <translation>没有生成全部图片</translation>
    </message>
    <message>
        <source>Not found</source>
        <translation>未找到</translation>
    </message>
    <message>
        <source>Not ready yet</source>
        <translation>尚未就绪</translation>
    </message>
    <message>
        <source>Not supported</source>
        <translation>不支持</translation>
    </message>
    <message>
        <source>One of these accounts is already there.</source>
        <translation>其中一个账号已经存在。</translation>
    </message>
    <message>
        <source>Only a part was done</source>
        <translation>只完成了一部分</translation>
    </message>
    <message>
        <source>Only films that were made here can be used.</source>
        <translation>只能使用在这里生成的视频。</translation>
    </message>
    <message>
        <source>Only the account that made it may fetch it.</source>
        <translation>只有生成它的账号才能取回它。</translation>
    </message>
    <message>
        <source>Open Accounts in GrokDesk to see why and what to do.</source>
        <translation>请在 GrokDesk 中打开“账号”，查看原因和处理办法。</translation>
    </message>
    <message>
        <source>Open it at grok.com.</source>
        <translation>请在 grok.com 打开它。</translation>
    </message>
    <message>
        <source>Open the keyring GrokDesk was set up with, or restore its GrokDesk entry. Nothing is lost.</source>
        <translation>请打开设置 GrokDesk 时使用的密钥环，或恢复其中的 GrokDesk 条目。没有丢失任何内容。</translation>
    </message>
    <message>
        <source>Opening grokdesk links could not be changed.</source>
        <translation>无法更改 grokdesk 链接的打开方式。</translation>
    </message>
    <message>
        <source>Options of TLS take an address that begins with rediss://.</source>
        <translation>TLS 选项要求地址以 rediss:// 开头。</translation>
    </message>
    <message>
        <source>Paste the cookies of grok.com from the browser that passed the check.</source>
        <translation>请从通过验证的浏览器中粘贴 grok.com 的 Cookie。</translation>
    </message>
    <message>
        <source>Picture %1</source>
        <translation>图片 %1</translation>
    </message>
    <message>
        <source>Picture %1 %2.</source>
        <translation>图片 %1 %2。</translation>
    </message>
    <message>
        <source>Picture %1 is a file at Grok that this account cannot open.</source>
        <translation>图片 %1 是 Grok 上的文件，此账号无法打开。</translation>
    </message>
    <message>
        <source>Picture %1 is larger than %2 MB, which is the most that is possible.</source>
        <translation>图片 %1 大于 %2 MB，这是允许的上限。</translation>
    </message>
    <message>
        <source>Picture %1: %2</source>
        <translation>图片 %1：%2</translation>
    </message>
    <message>
        <source>Port %1 is in use by %2.</source>
        <translation>端口 %1 已被 %2 占用。</translation>
    </message>
    <message>
        <source>Quit it first (`grokdesk quit`), or choose another --data-dir.</source>
        <translation>请先退出它（`grokdesk quit`），或选择其他 --data-dir。</translation>
    </message>
    <message>
        <source>Raise max_allowed_packet of the server.</source>
        <translation>请调高服务器的 max_allowed_packet。</translation>
    </message>
    <message>
        <source>Raise the number of connections of %1.</source>
        <translation>请增加 %1 的连接数。</translation>
    </message>
    <message>
        <source>Raise timeouts.%1 if answers may take that long.</source>
        <translation>如果允许回答用这么长时间，请调高 timeouts.%1。</translation>
    </message>
    <message>
        <source>Raise timeouts.%1 if it may take that long.</source>
        <translation>如果允许用这么长时间，请调高 timeouts.%1。</translation>
    </message>
    <message>
        <source>Redis 6.2 or newer is needed.</source>
        <translation>需要 Redis 6.2 或更高版本。</translation>
    </message>
    <message>
        <source>Renew the Cloudflare cookies together with their user agent, or use another proxy.</source>
        <translation>请同时更新 Cloudflare Cookie 和对应的用户代理，或改用其他代理。</translation>
    </message>
    <message>
        <source>Requests go on; changes are written when it is back.</source>
        <translation>请求会继续；恢复后会写入更改。</translation>
    </message>
    <message>
        <source>Restore it from the folder `backups`, or from a backup of yours.</source>
        <translation>请从 `backups` 文件夹或你自己的备份中恢复。</translation>
    </message>
    <message>
        <source>Restore its data; GrokDesk then goes on by itself. To begin anew with what is there now, restart GrokDesk.</source>
        <translation>请恢复它的数据；之后 GrokDesk 会自行继续。若要以现有内容重新开始，请重新启动 GrokDesk。</translation>
    </message>
    <message>
        <source>Restore master.key from a backup. Without it the stored accounts cannot be opened.</source>
        <translation>请从备份中恢复 master.key。没有它就无法打开保存的账号。</translation>
    </message>
    <message>
        <source>Restore the data folder from a backup, or enter the value again.</source>
        <translation>请从备份中恢复数据文件夹，或重新输入该值。</translation>
    </message>
    <message>
        <source>Restore the key, or vault.json, from the same backup as the database.</source>
        <translation>请从与数据库相同的备份中恢复密钥或 vault.json。</translation>
    </message>
    <message>
        <source>Restore the master key that belongs to this data folder. Nothing was changed.</source>
        <translation>请恢复属于此数据文件夹的主密钥。没有更改任何内容。</translation>
    </message>
    <message>
        <source>Restore the store from a backup.</source>
        <translation>请从备份中恢复存储。</translation>
    </message>
    <message>
        <source>Restore vault.json from a backup, or start with another data folder.</source>
        <translation>请从备份中恢复 vault.json，或使用其他数据文件夹启动。</translation>
    </message>
    <message>
        <source>Restore vault.json from a backup.</source>
        <translation>请从备份中恢复 vault.json。</translation>
    </message>
    <message>
        <source>Say in words what is to be made.</source>
        <translation>请用文字说明要生成什么。</translation>
    </message>
    <message>
        <source>Say which way out is to be tested.</source>
        <translation>请说明要测试哪个出口。</translation>
    </message>
    <message>
        <source>See the list under Network.</source>
        <translation>请查看“网络”中的列表。</translation>
    </message>
    <message>
        <source>Send a key of this gateway as &apos;Authorization: Bearer …&apos; or &apos;x-api-key&apos;.</source>
        <translation>请用“Authorization: Bearer …”或“x-api-key”发送此网关的密钥。</translation>
    </message>
    <message>
        <source>Send another file format.</source>
        <translation>请发送其他格式的文件。</translation>
    </message>
    <message>
        <source>Send another picture, or another format of it.</source>
        <translation>请发送另一张图片，或同一图片的其他格式。</translation>
    </message>
    <message>
        <source>Send another picture.</source>
        <translation>请发送另一张图片。</translation>
    </message>
    <message>
        <source>Send at least one message with text.</source>
        <translation>请至少发送一条有文字的消息。</translation>
    </message>
    <message>
        <source>Send at least one picture, or use grok-imagine-image to make one from words.</source>
        <translation>请至少发送一张图片，或使用 grok-imagine-image 根据文字生成。</translation>
    </message>
    <message>
        <source>Send at least one picture.</source>
        <translation>请至少发送一张图片。</translation>
    </message>
    <message>
        <source>Send it again if it is still wanted.</source>
        <translation>如果仍然需要，请重新发送。</translation>
    </message>
    <message>
        <source>Send less: a shorter conversation, or smaller attachments.</source>
        <translation>请减少发送的内容：缩短对话，或使用更小的附件。</translation>
    </message>
    <message>
        <source>Send the file itself as a data URI.</source>
        <translation>请以 data URI 的形式发送文件本身。</translation>
    </message>
    <message>
        <source>Send the picture itself.</source>
        <translation>请发送图片本身。</translation>
    </message>
    <message>
        <source>Set GROKDESK_PASSPHRASE, or name a file that holds it in GROKDESK_PASSPHRASE_FILE.</source>
        <translation>请设置 GROKDESK_PASSPHRASE，或在 GROKDESK_PASSPHRASE_FILE 中指定存放它的文件。</translation>
    </message>
    <message>
        <source>Set appendonly to yes on the Redis server.</source>
        <translation>请在 Redis 服务器上把 appendonly 设为 yes。</translation>
    </message>
    <message>
        <source>Set grok_web.chat_form to rest or auto.</source>
        <translation>请把 grok_web.chat_form 设为 rest 或 auto。</translation>
    </message>
    <message>
        <source>Set grok_web.chat_form to the other form, or to auto.</source>
        <translation>请把 grok_web.chat_form 设为另一种形式，或设为 auto。</translation>
    </message>
    <message>
        <source>Set maxmemory-policy to noeviction on the Redis server.</source>
        <translation>请在 Redis 服务器上把 maxmemory-policy 设为 noeviction。</translation>
    </message>
    <message>
        <source>Set media.form to the other form, or to auto.</source>
        <translation>请把 media.form 设为另一种形式，或设为 auto。</translation>
    </message>
    <message>
        <source>Set one up under Network, or paste cookies there.</source>
        <translation>请在“网络”中设置一个，或在那里粘贴 Cookie。</translation>
    </message>
    <message>
        <source>Set storage.team_key to the one the other gateways use. Nothing was changed.</source>
        <translation>请把 storage.team_key 设为其他网关使用的团队密钥。没有更改任何内容。</translation>
    </message>
    <message>
        <source>Set storage.team_key to the same passphrase on every gateway.</source>
        <translation>请在每个网关上把 storage.team_key 设为相同的口令。</translation>
    </message>
    <message>
        <source>Settings of GrokDesk that differ from their defaults.</source>
        <translation>GrokDesk 中与默认值不同的设置。</translation>
    </message>
    <message>
        <source>Several words are easier to remember than signs, and safer.</source>
        <translation>几个词比符号更好记，也更安全。</translation>
    </message>
    <message>
        <source>Show adult content with %1</source>
        <translation>为 %1 显示成人内容</translation>
    </message>
    <message>
        <source>Showing adult content needs your word that you are an adult.</source>
        <translation>显示成人内容需要你确认自己是成年人。</translation>
    </message>
    <message>
        <source>Sign in at grok.com and add the account&apos;s new token.</source>
        <translation>请在 grok.com 登录，然后添加该账号的新令牌。</translation>
    </message>
    <message>
        <source>Sign in at grok.com with it to see why, or remove the account here.</source>
        <translation>请用该账号登录 grok.com 查看原因，或在此移除该账号。</translation>
    </message>
    <message>
        <source>Sign in at grok.com with this account to see what it is asked, or bind it to another proxy.</source>
        <translation>请用该账号登录 grok.com 查看它需要完成什么，或为它绑定其他代理。</translation>
    </message>
    <message>
        <source>Something else answers at this address. Another program may use the port.</source>
        <translation>在此地址应答的是别的程序。端口可能被其他程序占用。</translation>
    </message>
    <message>
        <source>Something on the way (a proxy or a firewall) may be changing the connection.</source>
        <translation>途中的某个环节（代理或防火墙）可能改动了连接。</translation>
    </message>
    <message>
        <source>Something went wrong</source>
        <translation>出了点问题</translation>
    </message>
    <message>
        <source>Split it into files of less than 64 MB.</source>
        <translation>请把它拆成小于 64 MB 的文件。</translation>
    </message>
    <message>
        <source>Start it again for this account.</source>
        <translation>请为此账号重新开始。</translation>
    </message>
    <message>
        <source>Start it again later to delete the rest.</source>
        <translation>稍后再次开始即可删除其余部分。</translation>
    </message>
    <message>
        <source>Start it again to go on.</source>
        <translation>再次开始即可继续。</translation>
    </message>
    <message>
        <source>Start it again.</source>
        <translation>请重新开始。</translation>
    </message>
    <message>
        <source>Starting at login could not be changed.</source>
        <translation>无法更改登录时启动的设置。</translation>
    </message>
    <message>
        <source>Stop what makes them, then start it again.</source>
        <translation>请停止产生它们的程序，然后重新开始。</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>Stopped by the owner</source>
        <translation>已被主人停止</translation>
    </message>
    <message>
        <source>Stopped on the way to Grok</source>
        <translation>在通往 Grok 的途中被拦截</translation>
    </message>
    <message>
        <source>Switched off by you.</source>
        <translation>已由你停用。</translation>
    </message>
    <message>
        <source>Switched off by your rule after %1 days. %2</source>
        <translation>已按你的规则在 %1 天后停用。%2</translation>
    </message>
    <message>
        <source>Switched off.</source>
        <translation>已停用。</translation>
    </message>
    <message>
        <source>Switched on.</source>
        <translation>已启用。</translation>
    </message>
    <message>
        <source>Tagged %1.</source>
        <translation>已添加标签 %1。</translation>
    </message>
    <message>
        <source>Test the connection, renew the Cloudflare cookies, or use another proxy.</source>
        <translation>请测试连接、更新 Cloudflare Cookie，或改用其他代理。</translation>
    </message>
    <message>
        <source>Test the proxy under Network, or choose another one.</source>
        <translation>请在“网络”中测试该代理，或选择其他代理。</translation>
    </message>
    <message>
        <source>That date of birth cannot be right.</source>
        <translation>出生日期不可能正确。</translation>
    </message>
    <message>
        <source>That is the store in use.</source>
        <translation>这就是正在使用的存储。</translation>
    </message>
    <message>
        <source>The %1 is longer than %2 characters.</source>
        <translation>%1 超过 %2 个字符。</translation>
    </message>
    <message>
        <source>The API is under /v1.</source>
        <translation>API 在 /v1 下。</translation>
    </message>
    <message>
        <source>The API key is not valid.</source>
        <translation>API 密钥无效。</translation>
    </message>
    <message>
        <source>The Cloudflare solver %1 for %2, but requests are still stopped there.</source>
        <translation>Cloudflare 求解器为 %2 %1，但那里的请求仍被拦截。</translation>
    </message>
    <message>
        <source>The Cloudflare solver could not pass the check.</source>
        <translation>Cloudflare 求解器未能通过验证。</translation>
    </message>
    <message>
        <source>The Cloudflare solver did not say which browser passed the check; without that it is of no use.</source>
        <translation>Cloudflare 求解器没有说明是哪个浏览器通过了验证；缺少这一点就无法使用。</translation>
    </message>
    <message>
        <source>The Cloudflare solver does not answer.</source>
        <translation>Cloudflare 求解器没有应答。</translation>
    </message>
    <message>
        <source>The Cloudflare solver is slow: it did not answer within %1 seconds.</source>
        <translation>Cloudflare 求解器很慢：%1 秒内没有应答。</translation>
    </message>
    <message>
        <source>The Cloudflare solver&apos;s answer cannot be read.</source>
        <translation>无法读取 Cloudflare 求解器的应答。</translation>
    </message>
    <message>
        <source>The Redis server at %1 cannot be used.</source>
        <translation>无法使用 %1 上的 Redis 服务器。</translation>
    </message>
    <message>
        <source>The Redis server at %1 does not allow this user enough.</source>
        <translation>%1 上的 Redis 服务器给予此用户的权限不够。</translation>
    </message>
    <message>
        <source>The Redis server at %1 has lost the accounts, or is another one than before.</source>
        <translation>%1 上的 Redis 服务器丢失了账号，或已换成另一个服务器。</translation>
    </message>
    <message>
        <source>The Redis server at %1 has no database with this number.</source>
        <translation>%1 上的 Redis 服务器没有这个编号的数据库。</translation>
    </message>
    <message>
        <source>The Redis server at %1 is part of a Redis Cluster.</source>
        <translation>%1 上的 Redis 服务器属于 Redis Cluster。</translation>
    </message>
    <message>
        <source>The Redis server at %1 is still reading its data.</source>
        <translation>%1 上的 Redis 服务器仍在读取数据。</translation>
    </message>
    <message>
        <source>The Redis server at %1 is too old: %2.</source>
        <translation>%1 上的 Redis 服务器版本过旧：%2。</translation>
    </message>
    <message>
        <source>The Redis server at %1 refuses the name or the password.</source>
        <translation>%1 上的 Redis 服务器拒绝该用户名或密码。</translation>
    </message>
    <message>
        <source>The Redis server cannot write to its disk.</source>
        <translation>Redis 服务器无法写入磁盘。</translation>
    </message>
    <message>
        <source>The Redis server has lost its primary.</source>
        <translation>Redis 服务器失去了主服务器。</translation>
    </message>
    <message>
        <source>The Redis server has no memory left.</source>
        <translation>Redis 服务器没有剩余内存。</translation>
    </message>
    <message>
        <source>The Redis server is a copy that cannot be written.</source>
        <translation>Redis 服务器是无法写入的副本。</translation>
    </message>
    <message>
        <source>The Redis server is busy.</source>
        <translation>Redis 服务器正忙。</translation>
    </message>
    <message>
        <source>The Redis server keeps nothing on disk: when it stops, the accounts are gone.</source>
        <translation>Redis 服务器不在磁盘上保存任何内容：它一停止，账号就会丢失。</translation>
    </message>
    <message>
        <source>The Redis server throws accounts away when its memory is full.</source>
        <translation>Redis 服务器在内存用满时会丢弃账号。</translation>
    </message>
    <message>
        <source>The Redis server waits for its replicas.</source>
        <translation>Redis 服务器正在等待副本。</translation>
    </message>
    <message>
        <source>The account is out of questions</source>
        <translation>账号的提问次数已用完</translation>
    </message>
    <message>
        <source>The account that made it is gone, or Grok refuses it.</source>
        <translation>生成它的账号已不存在，或被 Grok 拒绝。</translation>
    </message>
    <message>
        <source>The account that made this is not here any more, and no other one can go on from it.</source>
        <translation>生成它的账号已不在这里，其他账号无法接着使用。</translation>
    </message>
    <message>
        <source>The accounts are changed by too many others at once.</source>
        <translation>同时更改账号的程序过多。</translation>
    </message>
    <message>
        <source>The address &apos;%1&apos; is unknown.</source>
        <translation>地址“%1”未知。</translation>
    </message>
    <message>
        <source>The address of an attachment is too long.</source>
        <translation>附件的地址过长。</translation>
    </message>
    <message>
        <source>The address of the shared store cannot be read.</source>
        <translation>无法读取共享存储的地址。</translation>
    </message>
    <message>
        <source>The address of the shared store cannot be understood.</source>
        <translation>无法理解共享存储的地址。</translation>
    </message>
    <message>
        <source>The address of the shared store cannot be used. %1</source>
        <translation>无法使用共享存储的地址。%1</translation>
    </message>
    <message>
        <source>The address of the shared store has a %1 that is no path.</source>
        <translation>共享存储地址中的 %1 不是路径。</translation>
    </message>
    <message>
        <source>The address of the shared store has an unknown option: %1.</source>
        <translation>共享存储地址中有未知选项：%1。</translation>
    </message>
    <message>
        <source>The address of the shared store has an unknown ssl-mode.</source>
        <translation>共享存储地址中的 ssl-mode 未知。</translation>
    </message>
    <message>
        <source>The address of the shared store has an unknown sslmode.</source>
        <translation>共享存储地址中的 sslmode 未知。</translation>
    </message>
    <message>
        <source>The address of the shared store has options about TLS, and no ssl-mode.</source>
        <translation>共享存储地址中有 TLS 选项，但没有 ssl-mode。</translation>
    </message>
    <message>
        <source>The address of the shared store is not right</source>
        <translation>共享存储的地址不正确</translation>
    </message>
    <message>
        <source>The address of the shared store names certificates that would not be used.</source>
        <translation>共享存储地址中指定的证书不会被使用。</translation>
    </message>
    <message>
        <source>The arguments of your call of %1 do not fit: %2</source>
        <translation>调用 %1 的参数不合适：%2</translation>
    </message>
    <message>
        <source>The attachment at %1 cannot be fetched: %2.</source>
        <translation>无法获取 %1 处的附件：%2。</translation>
    </message>
    <message>
        <source>The attachment at %1 is larger than 50 MB.</source>
        <translation>%1 处的附件大于 50 MB。</translation>
    </message>
    <message>
        <source>The attachments have %1 MB together; at most %2 MB are possible.</source>
        <translation>附件合计 %1 MB；最多允许 %2 MB。</translation>
    </message>
    <message>
        <source>The backup was made by a newer GrokDesk.</source>
        <translation>备份由更新版本的 GrokDesk 创建。</translation>
    </message>
    <message>
        <source>The certificates for the shared store cannot be used.</source>
        <translation>无法使用共享存储的证书。</translation>
    </message>
    <message>
        <source>The check of the account was cut off.</source>
        <translation>账号检查被中断。</translation>
    </message>
    <message>
        <source>The connection to %1 broke in the middle of the answer.</source>
        <translation>与 %1 的连接在应答中途断开。</translation>
    </message>
    <message>
        <source>The connection to %1 failed.</source>
        <translation>与 %1 的连接失败。</translation>
    </message>
    <message>
        <source>The connection to Grok broke before the answer was complete.</source>
        <translation>回答尚未完整，与 Grok 的连接就断开了。</translation>
    </message>
    <message>
        <source>The connection to Grok broke before the pictures were complete.</source>
        <translation>图片尚未完整，与 Grok 的连接就断开了。</translation>
    </message>
    <message>
        <source>The connection was closed because GrokDesk is stopping.</source>
        <translation>GrokDesk 正在停止，连接已关闭。</translation>
    </message>
    <message>
        <source>The content is not of the kind that its name says.</source>
        <translation>内容与名称所示的类型不符。</translation>
    </message>
    <message>
        <source>The content is not the one that its name says.</source>
        <translation>内容与名称所示的不符。</translation>
    </message>
    <message>
        <source>The conversation has no text.</source>
        <translation>对话中没有文字。</translation>
    </message>
    <message>
        <source>The copies cannot be read.</source>
        <translation>无法读取副本。</translation>
    </message>
    <message>
        <source>The copy is gone.</source>
        <translation>副本已不存在。</translation>
    </message>
    <message>
        <source>The data folder cannot be made.</source>
        <translation>无法创建数据文件夹。</translation>
    </message>
    <message>
        <source>The data folder cannot be used: no file can be locked in it.</source>
        <translation>无法使用数据文件夹：其中的文件无法锁定。</translation>
    </message>
    <message>
        <source>The data folder cannot be written.</source>
        <translation>无法写入数据文件夹。</translation>
    </message>
    <message>
        <source>The data folder does not say where its master key is.</source>
        <translation>数据文件夹没有说明主密钥在哪里。</translation>
    </message>
    <message>
        <source>The data folder was made by a newer GrokDesk.</source>
        <translation>数据文件夹由更新版本的 GrokDesk 创建。</translation>
    </message>
    <message>
        <source>The database cannot be copied.</source>
        <translation>无法复制数据库。</translation>
    </message>
    <message>
        <source>The database cannot be opened.</source>
        <translation>无法打开数据库。</translation>
    </message>
    <message>
        <source>The database cannot be replaced.</source>
        <translation>无法替换数据库。</translation>
    </message>
    <message>
        <source>The database cannot be used</source>
        <translation>无法使用数据库</translation>
    </message>
    <message>
        <source>The database cannot be used.</source>
        <translation>无法使用数据库。</translation>
    </message>
    <message>
        <source>The database cannot be written.</source>
        <translation>无法写入数据库。</translation>
    </message>
    <message>
        <source>The database is busy</source>
        <translation>数据库正忙</translation>
    </message>
    <message>
        <source>The database is damaged.</source>
        <translation>数据库已损坏。</translation>
    </message>
    <message>
        <source>The database was made by a newer GrokDesk.</source>
        <translation>数据库由更新版本的 GrokDesk 创建。</translation>
    </message>
    <message>
        <source>The date of birth is set already</source>
        <translation>出生日期已设置</translation>
    </message>
    <message>
        <source>The disk is full.</source>
        <translation>磁盘已满。</translation>
    </message>
    <message>
        <source>The disk of the shared store is full.</source>
        <translation>共享存储的磁盘已满。</translation>
    </message>
    <message>
        <source>The disk with the database does not answer.</source>
        <translation>数据库所在的磁盘没有应答。</translation>
    </message>
    <message>
        <source>The file cannot be read.</source>
        <translation>无法读取文件。</translation>
    </message>
    <message>
        <source>The file cannot be stored.</source>
        <translation>无法存储文件。</translation>
    </message>
    <message>
        <source>The file cannot be written.</source>
        <translation>无法写入文件。</translation>
    </message>
    <message>
        <source>The file could not be fetched</source>
        <translation>无法取回文件</translation>
    </message>
    <message>
        <source>The file ended early.</source>
        <translation>文件提前结束。</translation>
    </message>
    <message>
        <source>The file is cut off: its end is missing.</source>
        <translation>文件被截断：缺少结尾。</translation>
    </message>
    <message>
        <source>The file is damaged</source>
        <translation>文件已损坏</translation>
    </message>
    <message>
        <source>The file is damaged or cut off near its end.</source>
        <translation>文件已损坏，或在接近结尾处被截断。</translation>
    </message>
    <message>
        <source>The file is damaged: it was changed after it was written.</source>
        <translation>文件已损坏：写入之后被更改过。</translation>
    </message>
    <message>
        <source>The file is too large for settings.</source>
        <translation>文件过大，不可能是设置文件。</translation>
    </message>
    <message>
        <source>The file is too large to be a picture or film: %1 MB.</source>
        <translation>文件过大，不可能是图片或视频：%1 MB。</translation>
    </message>
    <message>
        <source>The file is too large.</source>
        <translation>文件过大。</translation>
    </message>
    <message>
        <source>The file of %1 is not there.</source>
        <translation>%1 的文件不在那里。</translation>
    </message>
    <message>
        <source>The file was left alone</source>
        <translation>没有改动文件</translation>
    </message>
    <message>
        <source>The file was made by a newer GrokDesk.</source>
        <translation>文件由更新版本的 GrokDesk 创建。</translation>
    </message>
    <message>
        <source>The file with the passphrase cannot be read.</source>
        <translation>无法读取存放口令的文件。</translation>
    </message>
    <message>
        <source>The file with the passphrase is empty.</source>
        <translation>存放口令的文件是空的。</translation>
    </message>
    <message>
        <source>The film is damaged, or ends early.</source>
        <translation>视频已损坏，或提前结束。</translation>
    </message>
    <message>
        <source>The folder does not take the files.</source>
        <translation>文件夹无法接收这些文件。</translation>
    </message>
    <message>
        <source>The folder of %1 cannot be written.</source>
        <translation>无法写入 %1 所在的文件夹。</translation>
    </message>
    <message>
        <source>The gateway cannot be reached. Start it, then try again.</source>
        <translation>无法连接网关。请启动网关，然后再试。</translation>
    </message>
    <message>
        <source>The gateway cannot start</source>
        <translation>无法启动网关</translation>
    </message>
    <message>
        <source>The gateway is stopping.</source>
        <translation>网关正在停止。</translation>
    </message>
    <message>
        <source>The host name &apos;%1&apos; is not allowed.</source>
        <translation>不允许使用主机名“%1”。</translation>
    </message>
    <message>
        <source>The key file of this data folder cannot be read.</source>
        <translation>无法读取此数据文件夹的密钥文件。</translation>
    </message>
    <message>
        <source>The key file of this data folder is damaged.</source>
        <translation>此数据文件夹的密钥文件已损坏。</translation>
    </message>
    <message>
        <source>The key is not valid</source>
        <translation>密钥无效</translation>
    </message>
    <message>
        <source>The keyring cannot be opened</source>
        <translation>无法打开密钥环</translation>
    </message>
    <message>
        <source>The keyring has no entry for this data folder.</source>
        <translation>密钥环中没有此数据文件夹的条目。</translation>
    </message>
    <message>
        <source>The last lines of the log.</source>
        <translation>日志的最后几行。</translation>
    </message>
    <message>
        <source>The last requests, without what was said.</source>
        <translation>最近的请求，不含内容。</translation>
    </message>
    <message>
        <source>The limit is the setting gateway.max_body_mb.</source>
        <translation>上限由设置 gateway.max_body_mb 决定。</translation>
    </message>
    <message>
        <source>The log cannot be read: %1.</source>
        <translation>无法读取日志：%1。</translation>
    </message>
    <message>
        <source>The log cannot be written.</source>
        <translation>无法写入日志。</translation>
    </message>
    <message>
        <source>The log says more.</source>
        <translation>日志中有更多信息。</translation>
    </message>
    <message>
        <source>The master key does not belong to this data folder.</source>
        <translation>主密钥不属于此数据文件夹。</translation>
    </message>
    <message>
        <source>The master key is in the keyring of this system, and the keyring does not give it.</source>
        <translation>主密钥在系统的密钥环中，而密钥环没有给出它。</translation>
    </message>
    <message>
        <source>The master key is made from your passphrase.</source>
        <translation>主密钥由你的口令生成。</translation>
    </message>
    <message>
        <source>The master key is missing</source>
        <translation>缺少主密钥</translation>
    </message>
    <message>
        <source>The master key lies in a file in the data folder, because there is no keyring in use.</source>
        <translation>主密钥保存在数据文件夹的文件中，因为没有可用的密钥环。</translation>
    </message>
    <message>
        <source>The master key of the data folder cannot be written.</source>
        <translation>无法写入数据文件夹的主密钥。</translation>
    </message>
    <message>
        <source>The model &apos;%1&apos; changes pictures, and none came with the request.</source>
        <translation>模型“%1”用于编辑图片，而请求中没有图片。</translation>
    </message>
    <message>
        <source>The model &apos;%1&apos; changes pictures, and there is none in the conversation.</source>
        <translation>模型“%1”用于编辑图片，而对话中没有图片。</translation>
    </message>
    <message>
        <source>The model &apos;%1&apos; does not exist.</source>
        <translation>模型“%1”不存在。</translation>
    </message>
    <message>
        <source>The model &apos;%1&apos; does not make %2.</source>
        <translation>模型“%1”不能生成%2。</translation>
    </message>
    <message>
        <source>The model &apos;%1&apos; is switched off in GrokDesk.</source>
        <translation>模型“%1”已在 GrokDesk 中关闭。</translation>
    </message>
    <message>
        <source>The model did not give the JSON that was asked for, also when asked again.</source>
        <translation>模型没有给出要求的 JSON，再次要求后也没有。</translation>
    </message>
    <message>
        <source>The name %1 cannot be found.</source>
        <translation>找不到名称 %1。</translation>
    </message>
    <message>
        <source>The notice of new versions is not JSON.</source>
        <translation>新版本通知不是 JSON。</translation>
    </message>
    <message>
        <source>The notice of new versions names no version.</source>
        <translation>新版本通知中没有版本号。</translation>
    </message>
    <message>
        <source>The owner of this gateway stopped this request.</source>
        <translation>此网关的主人停止了此请求。</translation>
    </message>
    <message>
        <source>The passphrase is not right</source>
        <translation>口令不正确</translation>
    </message>
    <message>
        <source>The passphrase is too short</source>
        <translation>口令过短</translation>
    </message>
    <message>
        <source>The personality &apos;%1&apos; is for adults, and adult content is switched off.</source>
        <translation>人格“%1”面向成年人，而成人内容已关闭。</translation>
    </message>
    <message>
        <source>The picture is damaged.</source>
        <translation>图片已损坏。</translation>
    </message>
    <message>
        <source>The picture is too large to be opened: %1 by %2 pixels.</source>
        <translation>图片过大，无法打开：%1 × %2 像素。</translation>
    </message>
    <message>
        <source>The prefix is empty.</source>
        <translation>前缀为空。</translation>
    </message>
    <message>
        <source>The program, the system and the libraries it uses.</source>
        <translation>程序、系统及其使用的程序库。</translation>
    </message>
    <message>
        <source>The proxy cannot be reached.</source>
        <translation>无法连接代理。</translation>
    </message>
    <message>
        <source>The proxy did not let the connection to %1 through: it answered %2.</source>
        <translation>代理没有放行到 %1 的连接：它应答 %2。</translation>
    </message>
    <message>
        <source>The proxy does not accept the user name and password.</source>
        <translation>代理不接受该用户名和密码。</translation>
    </message>
    <message>
        <source>The proxy this account is bound to cannot be used: %1.</source>
        <translation>无法使用此账号绑定的代理：%1。</translation>
    </message>
    <message>
        <source>The proxy this account is bound to, %1, did not work just now.</source>
        <translation>此账号绑定的代理 %1 刚才无法使用。</translation>
    </message>
    <message>
        <source>The proxy this account is bound to, %1, did not work: %2</source>
        <translation>此账号绑定的代理 %1 无法使用：%2</translation>
    </message>
    <message>
        <source>The report cannot be written.</source>
        <translation>无法写入报告。</translation>
    </message>
    <message>
        <source>The report has no &apos;%1&apos;.</source>
        <translation>报告中没有“%1”。</translation>
    </message>
    <message>
        <source>The request body cannot be read; check Content-Encoding and Transfer-Encoding.</source>
        <translation>无法读取请求体；请检查 Content-Encoding 和 Transfer-Encoding。</translation>
    </message>
    <message>
        <source>The request body is larger than %1 MB.</source>
        <translation>请求体大于 %1 MB。</translation>
    </message>
    <message>
        <source>The request cannot be understood</source>
        <translation>无法理解请求</translation>
    </message>
    <message>
        <source>The request is too large</source>
        <translation>请求过大</translation>
    </message>
    <message>
        <source>The requests could not be written to that file.</source>
        <translation>无法把请求写入该文件。</translation>
    </message>
    <message>
        <source>The settings cannot be used</source>
        <translation>无法使用设置</translation>
    </message>
    <message>
        <source>The settings cannot be written.</source>
        <translation>无法写入设置。</translation>
    </message>
    <message>
        <source>The shared store cannot be reached</source>
        <translation>无法连接共享存储</translation>
    </message>
    <message>
        <source>The shared store cannot be reached safely.</source>
        <translation>无法安全地连接共享存储。</translation>
    </message>
    <message>
        <source>The shared store cannot be reached.</source>
        <translation>无法连接共享存储。</translation>
    </message>
    <message>
        <source>The shared store cannot be used.</source>
        <translation>无法使用共享存储。</translation>
    </message>
    <message>
        <source>The shared store cannot be written.</source>
        <translation>无法写入共享存储。</translation>
    </message>
    <message>
        <source>The shared store does not allow this.</source>
        <translation>共享存储不允许这样做。</translation>
    </message>
    <message>
        <source>The shared store has no connection left.</source>
        <translation>共享存储没有空余的连接。</translation>
    </message>
    <message>
        <source>The shared store has no such database.</source>
        <translation>共享存储没有这个数据库。</translation>
    </message>
    <message>
        <source>The shared store is busy.</source>
        <translation>共享存储正忙。</translation>
    </message>
    <message>
        <source>The shared store is empty</source>
        <translation>共享存储是空的</translation>
    </message>
    <message>
        <source>The shared store is older than it was.</source>
        <translation>共享存储比之前旧。</translation>
    </message>
    <message>
        <source>The shared store refuses the name or the password.</source>
        <translation>共享存储拒绝该用户名或密码。</translation>
    </message>
    <message>
        <source>The shared store was made by a newer GrokDesk.</source>
        <translation>共享存储由更新版本的 GrokDesk 创建。</translation>
    </message>
    <message>
        <source>The small picture is too large.</source>
        <translation>缩略图过大。</translation>
    </message>
    <message>
        <source>The solver had found no check to pass.</source>
        <translation>求解器没有发现需要通过的验证。</translation>
    </message>
    <message>
        <source>The solver&apos;s browser cannot sign in at a SOCKS proxy: use an HTTP proxy instead.</source>
        <translation>求解器的浏览器无法登录 SOCKS 代理：请改用 HTTP 代理。</translation>
    </message>
    <message>
        <source>The solver&apos;s new clearance did not help.</source>
        <translation>求解器的新通行凭证没有起作用。</translation>
    </message>
    <message>
        <source>The team key is not right</source>
        <translation>团队密钥不正确</translation>
    </message>
    <message>
        <source>The tier is %1.</source>
        <translation>等级为 %1。</translation>
    </message>
    <message>
        <source>The tier is what Grok says.</source>
        <translation>等级以 Grok 所说为准。</translation>
    </message>
    <message>
        <source>The token was not replaced.</source>
        <translation>令牌没有更换。</translation>
    </message>
    <message>
        <source>The value of cf_clearance is cut off; copy the whole cookie.</source>
        <translation>cf_clearance 的值不完整；请复制整个 Cookie。</translation>
    </message>
    <message>
        <source>The ways to Grok and how they fare.</source>
        <translation>通往 Grok 的出口及其状况。</translation>
    </message>
    <message>
        <source>The work on this account was cut off.</source>
        <translation>对此账号的操作被中断。</translation>
    </message>
    <message>
        <source>There are no pictures or films in this folder.</source>
        <translation>此文件夹中没有图片或视频。</translation>
    </message>
    <message>
        <source>There is no Grok account yet.</source>
        <translation>还没有 Grok 账号。</translation>
    </message>
    <message>
        <source>There is no cf_clearance among these cookies, and without it Cloudflare lets nobody pass.</source>
        <translation>这些 Cookie 中没有 cf_clearance，缺少它 Cloudflare 不会放行。</translation>
    </message>
    <message>
        <source>There is no copy: the file did not exist before.</source>
        <translation>没有副本：该文件之前不存在。</translation>
    </message>
    <message>
        <source>There is no job with this id to continue from.</source>
        <translation>没有可以接续的这个 ID 的任务。</translation>
    </message>
    <message>
        <source>There is no key called &apos;%1&apos;.</source>
        <translation>没有名为“%1”的密钥。</translation>
    </message>
    <message>
        <source>There is no picture or film.</source>
        <translation>没有图片或视频。</translation>
    </message>
    <message>
        <source>There is no picture to edit.</source>
        <translation>没有可编辑的图片。</translation>
    </message>
    <message>
        <source>There is no prompt: no message of the user has text.</source>
        <translation>没有提示词：用户的消息中没有文字。</translation>
    </message>
    <message>
        <source>There is no such file.</source>
        <translation>没有这个文件。</translation>
    </message>
    <message>
        <source>There is no tag to set.</source>
        <translation>没有可设置的标签。</translation>
    </message>
    <message>
        <source>There is no way out named %1.</source>
        <translation>没有名为 %1 的出口。</translation>
    </message>
    <message>
        <source>There is nothing at %1.</source>
        <translation>%1 处没有任何内容。</translation>
    </message>
    <message>
        <source>There is nothing to do until Cloudflare asks.</source>
        <translation>在 Cloudflare 提出要求之前无需处理。</translation>
    </message>
    <message>
        <source>There was no %1 left.</source>
        <translation>没有剩余的%1。</translation>
    </message>
    <message>
        <source>These do: %1.</source>
        <translation>可用的有：%1。</translation>
    </message>
    <message>
        <source>This account has a date of birth already, which cannot be changed here.</source>
        <translation>此账号已有出生日期，无法在这里更改。</translation>
    </message>
    <message>
        <source>This account has been removed.</source>
        <translation>此账号已被移除。</translation>
    </message>
    <message>
        <source>This account has made as many pictures or films as it may for now.</source>
        <translation>此账号目前可以生成的图片或视频已用完。</translation>
    </message>
    <message>
        <source>This account has used up its credits.</source>
        <translation>此账号的点数已用完。</translation>
    </message>
    <message>
        <source>This account has used up its questions for now.</source>
        <translation>此账号目前的提问次数已用完。</translation>
    </message>
    <message>
        <source>This address may not be used</source>
        <translation>不允许使用此地址</translation>
    </message>
    <message>
        <source>This cannot be stored.</source>
        <translation>无法存储此内容。</translation>
    </message>
    <message>
        <source>This computer&apos;s proxy setting cannot be read.</source>
        <translation>无法读取这台电脑的代理设置。</translation>
    </message>
    <message>
        <source>This computer&apos;s proxy setting cannot be used: %1.</source>
        <translation>无法使用这台电脑的代理设置：%1。</translation>
    </message>
    <message>
        <source>This copy of the database is damaged.</source>
        <translation>此数据库副本已损坏。</translation>
    </message>
    <message>
        <source>This data folder is protected by a passphrase, and none was given.</source>
        <translation>此数据文件夹受口令保护，但没有提供口令。</translation>
    </message>
    <message>
        <source>This does not hold what GrokDesk writes.</source>
        <translation>其中不是 GrokDesk 写入的内容。</translation>
    </message>
    <message>
        <source>This file has been deleted.</source>
        <translation>此文件已被删除。</translation>
    </message>
    <message>
        <source>This file is not text.</source>
        <translation>此文件不是文本。</translation>
    </message>
    <message>
        <source>This film cannot be made longer: Grok did not say by which name it keeps it.</source>
        <translation>此视频无法延长：Grok 没有说明它以什么名称保存。</translation>
    </message>
    <message>
        <source>This film is not known at Grok any more.</source>
        <translation>Grok 已经不认识此视频了。</translation>
    </message>
    <message>
        <source>This form of chat is not available</source>
        <translation>这种对话形式不可用</translation>
    </message>
    <message>
        <source>This gateway has no voice.</source>
        <translation>此网关不支持语音。</translation>
    </message>
    <message>
        <source>This installation of GrokDesk cannot speak to %1 servers.</source>
        <translation>此 GrokDesk 安装无法与 %1 服务器通信。</translation>
    </message>
    <message>
        <source>This is a database, but not one of GrokDesk.</source>
        <translation>这是数据库，但不是 GrokDesk 的。</translation>
    </message>
    <message>
        <source>This is already there.</source>
        <translation>已经存在。</translation>
    </message>
    <message>
        <source>This is larger than the shared store takes.</source>
        <translation>超出了共享存储可以接收的大小。</translation>
    </message>
    <message>
        <source>This is neither a picture nor a film.</source>
        <translation>这既不是图片也不是视频。</translation>
    </message>
    <message>
        <source>This is no browser&apos;s user agent; copy it from the browser that the cookies came from.</source>
        <translation>这不是浏览器的用户代理；请从获得 Cookie 的浏览器中复制。</translation>
    </message>
    <message>
        <source>This is no picture that can be read.</source>
        <translation>这不是可以读取的图片。</translation>
    </message>
    <message>
        <source>This is no sealed file</source>
        <translation>这不是加密文件</translation>
    </message>
    <message>
        <source>This is not a copy of a database.</source>
        <translation>这不是数据库副本。</translation>
    </message>
    <message>
        <source>This is not a picture</source>
        <translation>这不是图片</translation>
    </message>
    <message>
        <source>This is not a sealed file of GrokDesk.</source>
        <translation>这不是 GrokDesk 的加密文件。</translation>
    </message>
    <message>
        <source>This is not the address of a file at Grok.</source>
        <translation>这不是 Grok 上文件的地址。</translation>
    </message>
    <message>
        <source>This is not the passphrase the data folder was made with.</source>
        <translation>这不是创建此数据文件夹时使用的口令。</translation>
    </message>
    <message>
        <source>This is not the passphrase the file was sealed with.</source>
        <translation>这不是加密此文件时使用的口令。</translation>
    </message>
    <message>
        <source>This is not the team key the shared store was made with.</source>
        <translation>这不是创建共享存储时使用的团队密钥。</translation>
    </message>
    <message>
        <source>This is too large for Grok.</source>
        <translation>对 Grok 来说过大。</translation>
    </message>
    <message>
        <source>This machine does not have the address &apos;%1&apos;.</source>
        <translation>这台电脑没有地址“%1”。</translation>
    </message>
    <message>
        <source>This place in the list is not known.</source>
        <translation>列表中的这个位置未知。</translation>
    </message>
    <message>
        <source>This sealed file is not a backup of GrokDesk.</source>
        <translation>此加密文件不是 GrokDesk 的备份。</translation>
    </message>
    <message>
        <source>This user agent says that its browser is headless, which Cloudflare does not let pass.</source>
        <translation>此用户代理表明它的浏览器是无头模式，Cloudflare 不会放行。</translation>
    </message>
    <message>
        <source>This user may not listen on %1.</source>
        <translation>此用户无权在 %1 上监听。</translation>
    </message>
    <message>
        <source>This way out cannot be tested: %1.</source>
        <translation>无法测试此出口：%1。</translation>
    </message>
    <message>
        <source>Those that were made are in the library of GrokDesk.</source>
        <translation>已生成的内容在 GrokDesk 的媒体库中。</translation>
    </message>
    <message>
        <source>Today&apos;s backup could not be made.</source>
        <translation>今天的备份未能完成。</translation>
    </message>
    <message>
        <source>Try again in a few minutes.</source>
        <translation>请过几分钟再试。</translation>
    </message>
    <message>
        <source>Try again in a minute, or use another model.</source>
        <translation>请过一分钟再试，或改用其他模型。</translation>
    </message>
    <message>
        <source>Try again in a minute.</source>
        <translation>请过一分钟再试。</translation>
    </message>
    <message>
        <source>Try again in a minute; if it stays so, look at the solver&apos;s own log.</source>
        <translation>请过一分钟再试；如果仍然如此，请查看求解器自己的日志。</translation>
    </message>
    <message>
        <source>Try again in a moment, or raise accounts.max_in_flight.</source>
        <translation>请稍后再试，或调高 accounts.max_in_flight。</translation>
    </message>
    <message>
        <source>Try again in a moment.</source>
        <translation>请稍后再试。</translation>
    </message>
    <message>
        <source>Try again later.</source>
        <translation>请以后再试。</translation>
    </message>
    <message>
        <source>Try again later. If it stays like this, the file is gone.</source>
        <translation>请以后再试。如果一直如此，说明文件已不存在。</translation>
    </message>
    <message>
        <source>Try again when some of them are done.</source>
        <translation>请在其中一些完成后再试。</translation>
    </message>
    <message>
        <source>Try again, or describe it in another way.</source>
        <translation>请再试一次，或换一种描述。</translation>
    </message>
    <message>
        <source>Try again.</source>
        <translation>请再试一次。</translation>
    </message>
    <message>
        <source>Try again. There is no way to recover a forgotten passphrase.</source>
        <translation>请再试一次。忘记的口令无法找回。</translation>
    </message>
    <message>
        <source>Try again; if it repeats, test the connection under Network.</source>
        <translation>请再试一次；如果反复出现，请在“网络”中测试连接。</translation>
    </message>
    <message>
        <source>Try another proxy, or paste cookies from your browser under Network.</source>
        <translation>请改用其他代理，或在“网络”中粘贴浏览器的 Cookie。</translation>
    </message>
    <message>
        <source>Unknown model</source>
        <translation>未知模型</translation>
    </message>
    <message>
        <source>Unlock the keyring, or enter the passphrase.</source>
        <translation>请解锁密钥环，或输入口令。</translation>
    </message>
    <message>
        <source>Unlock the keyring, or sign in to the desktop, and try again. Nothing is lost.</source>
        <translation>请解锁密钥环或登录桌面，然后再试。没有丢失任何内容。</translation>
    </message>
    <message>
        <source>Update GrokDesk, or use another %1. Nothing was changed.</source>
        <translation>请更新 GrokDesk，或使用其他%1。没有更改任何内容。</translation>
    </message>
    <message>
        <source>Update GrokDesk, or use another data folder.</source>
        <translation>请更新 GrokDesk，或使用其他数据文件夹。</translation>
    </message>
    <message>
        <source>Update GrokDesk, or use another store. Nothing was changed.</source>
        <translation>请更新 GrokDesk，或使用其他存储。没有更改任何内容。</translation>
    </message>
    <message>
        <source>Update GrokDesk, then try again.</source>
        <translation>请更新 GrokDesk，然后再试。</translation>
    </message>
    <message>
        <source>Update GrokDesk. Nothing was changed.</source>
        <translation>请更新 GrokDesk。没有更改任何内容。</translation>
    </message>
    <message>
        <source>Update the solver: its answer lacks the user agent.</source>
        <translation>请更新求解器：它的应答缺少用户代理。</translation>
    </message>
    <message>
        <source>Use 127.0.0.1 or localhost, or add the name to the setting gateway.allowed_hosts.</source>
        <translation>请使用 127.0.0.1 或 localhost，或把该名称添加到设置 gateway.allowed_hosts。</translation>
    </message>
    <message>
        <source>Use a PNG, JPEG, WebP or GIF file.</source>
        <translation>请使用 PNG、JPEG、WebP 或 GIF 文件。</translation>
    </message>
    <message>
        <source>Use another copy of it. Nothing was taken from this one.</source>
        <translation>请使用它的另一份副本。没有从这一份中取出任何内容。</translation>
    </message>
    <message>
        <source>Use another database, or another ?prefix=, in the setting `storage.url`.</source>
        <translation>请在设置 `storage.url` 中使用其他数据库或其他 ?prefix=。</translation>
    </message>
    <message>
        <source>Use another one.</source>
        <translation>请使用另一个。</translation>
    </message>
    <message>
        <source>Use one of at most %1 million pixels.</source>
        <translation>请使用不超过 %1 百万像素的图片。</translation>
    </message>
    <message>
        <source>Wait for its limit to reset, use another model, or add an account.</source>
        <translation>请等待额度重置、改用其他模型，或添加账号。</translation>
    </message>
    <message>
        <source>Wait until its period ends, or add an account.</source>
        <translation>请等待本周期结束，或添加账号。</translation>
    </message>
    <message>
        <source>Wait, or add another account.</source>
        <translation>请等待，或再添加一个账号。</translation>
    </message>
    <message>
        <source>Web pages from &apos;%1&apos; may not use this gateway.</source>
        <translation>来自“%1”的网页不能使用此网关。</translation>
    </message>
    <message>
        <source>What GrokDesk wrote into other programs&apos; files cannot be read.</source>
        <translation>无法读取 GrokDesk 写入其他程序文件的记录。</translation>
    </message>
    <message>
        <source>What came is no %1.</source>
        <translation>收到的不是%1。</translation>
    </message>
    <message>
        <source>What came is no whole %1.</source>
        <translation>收到的不是完整的%1。</translation>
    </message>
    <message>
        <source>What is at %1 below %2 is not a store of GrokDesk.</source>
        <translation>%1 上 %2 之下的不是 GrokDesk 的存储。</translation>
    </message>
    <message>
        <source>What needs somebody.</source>
        <translation>需要处理的事项。</translation>
    </message>
    <message>
        <source>What the shared store says about its team key cannot be read.</source>
        <translation>无法读取共享存储关于团队密钥的说明。</translation>
    </message>
    <message>
        <source>Whether apps can connect, and where.</source>
        <translation>应用能否连接，以及连接到哪里。</translation>
    </message>
    <message>
        <source>`grokdesk config show` lists them all.</source>
        <translation>用 `grokdesk config show` 可列出全部。</translation>
    </message>
    <message>
        <source>`grokdesk keys list` shows them.</source>
        <translation>用 `grokdesk keys list` 可列出它们。</translation>
    </message>
    <message>
        <source>a colon is missing</source>
        <translation>缺少冒号</translation>
    </message>
    <message>
        <source>a comma or ] is missing</source>
        <translation>缺少逗号或 ]</translation>
    </message>
    <message>
        <source>a comma or } is missing</source>
        <translation>缺少逗号或 }</translation>
    </message>
    <message>
        <source>a comment has no end</source>
        <translation>注释没有结尾</translation>
    </message>
    <message>
        <source>a line begins with a tab, which YAML does not allow</source>
        <translation>有一行以制表符开头，YAML 不允许这样</translation>
    </message>
    <message>
        <source>a master key has 32 bytes</source>
        <translation>主密钥有 32 个字节</translation>
    </message>
    <message>
        <source>a name in &quot;…&quot; or } is missing</source>
        <translation>缺少“…”中的名称或 }</translation>
    </message>
    <message>
        <source>a name with a colon is missing</source>
        <translation>缺少带冒号的名称</translation>
    </message>
    <message>
        <source>a program</source>
        <translation>某个程序</translation>
    </message>
    <message>
        <source>a text has an unknown escape</source>
        <translation>文本中有未知的转义</translation>
    </message>
    <message>
        <source>a text has no closing quotation mark</source>
        <translation>文本缺少结尾的引号</translation>
    </message>
    <message>
        <source>a token has no spaces</source>
        <translation>令牌中没有空格</translation>
    </message>
    <message>
        <source>a token has only Latin letters, digits and a few signs</source>
        <translation>令牌只含拉丁字母、数字和少数符号</translation>
    </message>
    <message>
        <source>a value is missing or not one of JSON</source>
        <translation>缺少值，或不是 JSON 的值</translation>
    </message>
    <message>
        <source>a while</source>
        <translation>一段时间</translation>
    </message>
    <message>
        <source>accepting the terms</source>
        <translation>接受条款</translation>
    </message>
    <message>
        <source>adult content is shown</source>
        <translation>显示成人内容</translation>
    </message>
    <message>
        <source>already there</source>
        <translation>已存在</translation>
    </message>
    <message>
        <source>another program</source>
        <translation>另一个程序</translation>
    </message>
    <message>
        <source>basic</source>
        <translation>Basic</translation>
    </message>
    <message>
        <source>basic, super or heavy</source>
        <translation>Basic、Super 或 Heavy</translation>
    </message>
    <message>
        <source>before a restore</source>
        <translation>恢复之前</translation>
    </message>
    <message>
        <source>before an update</source>
        <translation>更新之前</translation>
    </message>
    <message>
        <source>changed pictures</source>
        <translation>图片编辑</translation>
    </message>
    <message>
        <source>conversation</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>date of birth told</source>
        <translation>已告知出生日期</translation>
    </message>
    <message>
        <source>did not begin to answer</source>
        <translation>没有开始回答</translation>
    </message>
    <message>
        <source>directly</source>
        <translation>直接</translation>
    </message>
    <message>
        <source>file</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>film</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>films</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>found no check to pass</source>
        <translation>没有发现需要通过的验证</translation>
    </message>
    <message>
        <source>gateway.require_key can only be off while gateway.host is a loopback address</source>
        <translation>只有 gateway.host 为回环地址时才能关闭 gateway.require_key</translation>
    </message>
    <message>
        <source>heavy</source>
        <translation>Heavy</translation>
    </message>
    <message>
        <source>is empty</source>
        <translation>是空的</translation>
    </message>
    <message>
        <source>is no JPEG, PNG, WebP or GIF</source>
        <translation>不是 JPEG、PNG、WebP 或 GIF</translation>
    </message>
    <message>
        <source>it could not be reached in time</source>
        <translation>未能及时连接</translation>
    </message>
    <message>
        <source>it has no token</source>
        <translation>其中没有令牌</translation>
    </message>
    <message>
        <source>it holds a user name or password</source>
        <translation>其中含有用户名或密码</translation>
    </message>
    <message>
        <source>it holds no accounts</source>
        <translation>其中没有账号</translation>
    </message>
    <message>
        <source>it holds no cookies</source>
        <translation>其中没有 Cookie</translation>
    </message>
    <message>
        <source>it is neither a token nor an object with one</source>
        <translation>既不是令牌，也不是含有令牌的对象</translation>
    </message>
    <message>
        <source>it is nested too deeply</source>
        <translation>嵌套过深</translation>
    </message>
    <message>
        <source>it is not a list of accounts</source>
        <translation>不是账号列表</translation>
    </message>
    <message>
        <source>it is too long for a token</source>
        <translation>作为令牌过长</translation>
    </message>
    <message>
        <source>it is too short for a token</source>
        <translation>作为令牌过短</translation>
    </message>
    <message>
        <source>it points into a private network</source>
        <translation>它指向专用网络</translation>
    </message>
    <message>
        <source>it redirects too often</source>
        <translation>重定向次数过多</translation>
    </message>
    <message>
        <source>it was stopped.</source>
        <translation>已被停止。</translation>
    </message>
    <message>
        <source>its tier is not one of auto, basic, super and heavy</source>
        <translation>等级不是 auto、basic、super 或 heavy</translation>
    </message>
    <message>
        <source>line %1</source>
        <translation>第 %1 行</translation>
    </message>
    <message>
        <source>line %1: %2</source>
        <translation>第 %1 行：%2</translation>
    </message>
    <message>
        <source>looks like %1 with a new token; use update to replace it</source>
        <translation>看起来是 %1 的新令牌；选择更新即可替换</translation>
    </message>
    <message>
        <source>mail address</source>
        <translation>邮箱地址</translation>
    </message>
    <message>
        <source>must be %1 or %2</source>
        <translation>必须是 %1 或 %2</translation>
    </message>
    <message>
        <source>must be %1, %2 or %3</source>
        <translation>必须是 %1、%2 或 %3</translation>
    </message>
    <message>
        <source>must be %1, %2, %3 or %4</source>
        <translation>必须是 %1、%2、%3 或 %4</translation>
    </message>
    <message>
        <source>must be %1, %2, %3, %4 or %5</source>
        <translation>必须是 %1、%2、%3、%4 或 %5</translation>
    </message>
    <message>
        <source>must be a finite number</source>
        <translation>必须是有限的数</translation>
    </message>
    <message>
        <source>must be a time such as 22:30, or empty</source>
        <translation>必须是 22:30 这样的时间，或留空</translation>
    </message>
    <message>
        <source>must be a valid boolean</source>
        <translation>必须是有效的布尔值</translation>
    </message>
    <message>
        <source>must be a valid integer</source>
        <translation>必须是有效的整数</translation>
    </message>
    <message>
        <source>must be a valid list</source>
        <translation>必须是有效的列表</translation>
    </message>
    <message>
        <source>must be a valid number</source>
        <translation>必须是有效的数字</translation>
    </message>
    <message>
        <source>must be a valid string</source>
        <translation>必须是有效的字符串</translation>
    </message>
    <message>
        <source>must be a valid tuple</source>
        <translation>必须是有效的列表</translation>
    </message>
    <message>
        <source>must be an address such as https://grok.com</source>
        <translation>必须是 https://grok.com 这样的地址</translation>
    </message>
    <message>
        <source>must be greater than or equal to %1</source>
        <translation>必须大于或等于 %1</translation>
    </message>
    <message>
        <source>must be less than or equal to %1</source>
        <translation>必须小于或等于 %1</translation>
    </message>
    <message>
        <source>must have at least %1 characters</source>
        <translation>至少须有 %1 个字符</translation>
    </message>
    <message>
        <source>must have at most %1 characters</source>
        <translation>最多只能有 %1 个字符</translation>
    </message>
    <message>
        <source>must not have a query or a fragment</source>
        <translation>不能带有查询或片段部分</translation>
    </message>
    <message>
        <source>named twice</source>
        <translation>重复出现</translation>
    </message>
    <message>
        <source>new ones keep coming.</source>
        <translation>不断有新的出现。</translation>
    </message>
    <message>
        <source>new token</source>
        <translation>新令牌</translation>
    </message>
    <message>
        <source>not understood</source>
        <translation>无法识别</translation>
    </message>
    <message>
        <source>only http and https addresses can be fetched</source>
        <translation>只能获取 http 和 https 地址</translation>
    </message>
    <message>
        <source>only the first %1 entries are read</source>
        <translation>只读取前 %1 个条目</translation>
    </message>
    <message>
        <source>passed a check</source>
        <translation>通过了验证</translation>
    </message>
    <message>
        <source>picture</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>pictures from pictures</source>
        <translation>图片编辑</translation>
    </message>
    <message>
        <source>pool &apos;%1&apos;</source>
        <translation>池“%1”</translation>
    </message>
    <message>
        <source>pool &apos;%1&apos;, entry</source>
        <translation>池“%1”，条目</translation>
    </message>
    <message>
        <source>questions</source>
        <translation>提问次数</translation>
    </message>
    <message>
        <source>requests at once</source>
        <translation>同时请求数</translation>
    </message>
    <message>
        <source>row %1</source>
        <translation>第 %1 行</translation>
    </message>
    <message>
        <source>ssl_cert_reqs is neither `required` nor `none`.</source>
        <translation>ssl_cert_reqs 既不是 `required` 也不是 `none`。</translation>
    </message>
    <message>
        <source>ssl_check_hostname is neither `true` nor `false`.</source>
        <translation>ssl_check_hostname 既不是 `true` 也不是 `false`。</translation>
    </message>
    <message>
        <source>ssl_check_hostname needs ssl_cert_reqs=required.</source>
        <translation>ssl_check_hostname 需要 ssl_cert_reqs=required。</translation>
    </message>
    <message>
        <source>steps done for adult content</source>
        <translation>已完成的成人内容步骤</translation>
    </message>
    <message>
        <source>stopped in the middle of its answer</source>
        <translation>在回答中途停止</translation>
    </message>
    <message>
        <source>super</source>
        <translation>Super</translation>
    </message>
    <message>
        <source>super or heavy</source>
        <translation>Super 或 Heavy</translation>
    </message>
    <message>
        <source>switching adult content on</source>
        <translation>开启成人内容</translation>
    </message>
    <message>
        <source>telling the date of birth</source>
        <translation>告知出生日期</translation>
    </message>
    <message>
        <source>terms accepted</source>
        <translation>已接受条款</translation>
    </message>
    <message>
        <source>the address is not valid</source>
        <translation>地址无效</translation>
    </message>
    <message>
        <source>the command line</source>
        <translation>命令行</translation>
    </message>
    <message>
        <source>the cookies of this command hold no sign-in of Grok (sso)</source>
        <translation>此命令的 Cookie 中没有 Grok 的登录 (sso)</translation>
    </message>
    <message>
        <source>the database is damaged</source>
        <translation>数据库已损坏</translation>
    </message>
    <message>
        <source>the date of birth</source>
        <translation>出生日期</translation>
    </message>
    <message>
        <source>the date of birth Grok had already stays</source>
        <translation>保留 Grok 已有的出生日期</translation>
    </message>
    <message>
        <source>the file</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>the first name does not stand at the beginning of its line</source>
        <translation>第一个名称不在行首</translation>
    </message>
    <message>
        <source>the name is unknown</source>
        <translation>名称未知</translation>
    </message>
    <message>
        <source>the proxy address goes on after its host and port</source>
        <translation>代理地址在主机和端口之后还有内容</translation>
    </message>
    <message>
        <source>the proxy address has a space or a line break in it</source>
        <translation>代理地址中有空格或换行</translation>
    </message>
    <message>
        <source>the proxy address has no host</source>
        <translation>代理地址没有主机</translation>
    </message>
    <message>
        <source>the proxy&apos;s host is not a name or an address</source>
        <translation>代理的主机既不是名称也不是地址</translation>
    </message>
    <message>
        <source>the proxy&apos;s port must be a number from 1 to %1</source>
        <translation>代理端口必须是 1 到 %1 之间的数字</translation>
    </message>
    <message>
        <source>the same account as %1</source>
        <translation>与 %1 是同一个账号</translation>
    </message>
    <message>
        <source>the server answered %1</source>
        <translation>服务器应答 %1</translation>
    </message>
    <message>
        <source>the table has no column token, sso, sso_token or cookie</source>
        <translation>表格中没有令牌列（token、sso、sso_token 或 cookie）</translation>
    </message>
    <message>
        <source>the terms</source>
        <translation>条款</translation>
    </message>
    <message>
        <source>there is a control character in it</source>
        <translation>其中有控制字符</translation>
    </message>
    <message>
        <source>there is more than one document in it</source>
        <translation>其中不止一个文档</translation>
    </message>
    <message>
        <source>there is no token</source>
        <translation>没有令牌</translation>
    </message>
    <message>
        <source>there is something behind the end</source>
        <translation>结尾之后还有内容</translation>
    </message>
    <message>
        <source>these cookies hold no sign-in of Grok (sso of grok.com or x.ai)</source>
        <translation>这些 Cookie 中没有 Grok 的登录（grok.com 或 x.ai 的 sso）</translation>
    </message>
    <message>
        <source>this command sends no cookies</source>
        <translation>此命令没有发送 Cookie</translation>
    </message>
    <message>
        <source>this is a backup of GrokDesk, sealed with a passphrase; restore it instead</source>
        <translation>这是用口令加密的 GrokDesk 备份；请改用恢复</translation>
    </message>
    <message>
        <source>this is a database, but not the accounts.db of grok2api 2</source>
        <translation>这是数据库，但不是 grok2api 2 的 accounts.db</translation>
    </message>
    <message>
        <source>this is no proxy address</source>
        <translation>这不是代理地址</translation>
    </message>
    <message>
        <source>this is not UTF-8 text; save the file as UTF-8</source>
        <translation>这不是 UTF-8 文本；请把文件保存为 UTF-8</translation>
    </message>
    <message>
        <source>this is not a pool: basic, super, heavy or auto</source>
        <translation>这不是池：应为 basic、super、heavy 或 auto</translation>
    </message>
    <message>
        <source>this is not a row of a table</source>
        <translation>这不是表格的行</translation>
    </message>
    <message>
        <source>this is not a token: it has characters that a token cannot have</source>
        <translation>这不是令牌：含有令牌不可能有的字符</translation>
    </message>
    <message>
        <source>this is not an object: { is missing</source>
        <translation>这不是对象：缺少 {</translation>
    </message>
    <message>
        <source>this is not valid JSON</source>
        <translation>这不是有效的 JSON</translation>
    </message>
    <message>
        <source>this way of writing YAML is not changed by GrokDesk</source>
        <translation>GrokDesk 不会更改这种写法的 YAML</translation>
    </message>
    <message>
        <source>through the proxy</source>
        <translation>通过代理</translation>
    </message>
    <message>
        <source>updated: %1</source>
        <translation>已更新：%1</translation>
    </message>
    <message>
        <source>user id</source>
        <translation>用户 ID</translation>
    </message>
    <message>
        <source>vault.json in the data folder cannot be read; it says where the master key is.</source>
        <translation>无法读取数据文件夹中的 vault.json；它说明主密钥在哪里。</translation>
    </message>
</context>
<context>
    <name>ExportAccounts</name>
    <message>
        <source>Everything, for GrokDesk (JSON)</source>
        <translation>全部内容，供 GrokDesk 使用 (JSON)</translation>
    </message>
    <message numerus="yes">
        <source>Export %n account(s)</source>
        <translation>
            <numerusform>导出 %n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Export %n account(s)…</source>
        <translation>
            <numerusform>导出 %n 个账号…</numerusform>
        </translation>
    </message>
    <message>
        <source>For grok2api 2.x (JSON)</source>
        <translation>供 grok2api 2.x 使用 (JSON)</translation>
    </message>
    <message>
        <source>For grok2api 3.x (JSON)</source>
        <translation>供 grok2api 3.x 使用 (JSON)</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>格式</translation>
    </message>
    <message>
        <source>Only the tokens, one on a line (TXT)</source>
        <translation>仅令牌，每行一个 (TXT)</translation>
    </message>
    <message>
        <source>Table for a spreadsheet (CSV)</source>
        <translation>电子表格用的表格 (CSV)</translation>
    </message>
    <message>
        <source>The file holds the tokens themselves: whoever has it can use these accounts as you do.</source>
        <translation>文件中含有令牌本身：拿到它的人可以像你一样使用这些账号。</translation>
    </message>
</context>
<context>
    <name>Failures</name>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Copy the list</source>
        <translation>复制列表</translation>
    </message>
    <message>
        <source>Retry these</source>
        <translation>重试这些</translation>
    </message>
    <message>
        <source>What</source>
        <translation>对象</translation>
    </message>
    <message>
        <source>What failed</source>
        <translation>失败的内容</translation>
    </message>
    <message>
        <source>Why</source>
        <translation>原因</translation>
    </message>
</context>
<context>
    <name>Filters</name>
    <message>
        <source>Adult content</source>
        <translation>成人内容</translation>
    </message>
    <message>
        <source>Clear filters</source>
        <translation>清除筛选</translation>
    </message>
    <message>
        <source>Hidden</source>
        <translation>已隐藏</translation>
    </message>
    <message>
        <source>Shown</source>
        <translation>已显示</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Tag</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Tier</source>
        <translation>等级</translation>
    </message>
    <message>
        <source>Without a tag</source>
        <translation>没有标签</translation>
    </message>
</context>
<context>
    <name>FirstRun</name>
    <message>
        <source>Add an account</source>
        <translation>添加账号</translation>
    </message>
    <message>
        <source>Add an account…</source>
        <translation>添加账号…</translation>
    </message>
    <message>
        <source>It lets the apps on this computer use your own Grok accounts, through one address that speaks the language of OpenAI and Anthropic. It needs an account to begin with.</source>
        <translation>它让这台电脑上的应用使用你自己的 Grok 账号，只需一个兼容 OpenAI 和 Anthropic 的地址。首先需要一个账号。</translation>
    </message>
    <message>
        <source>Open the demo</source>
        <translation>打开演示</translation>
    </message>
    <message>
        <source>Opens a second window with invented accounts and a Grok that runs on this computer. Nothing in it is real, and nothing is kept.</source>
        <translation>在另一个窗口中打开，使用虚构的账号和在这台电脑上运行的 Grok。里面的一切都不是真实的，也不会保留。</translation>
    </message>
    <message>
        <source>Paste your Grok tokens, choose a file, or drop one anywhere on this window. You see what was understood before anything is saved.</source>
        <translation>粘贴你的 Grok 令牌、选择文件，或把文件拖到窗口任意位置。保存之前会先显示识别到的内容。</translation>
    </message>
    <message>
        <source>Show me step by step</source>
        <translation>一步步带我设置</translation>
    </message>
    <message>
        <source>Try the demo</source>
        <translation>试用演示</translation>
    </message>
    <message>
        <source>Welcome to GrokDesk</source>
        <translation>欢迎使用 GrokDesk</translation>
    </message>
</context>
<context>
    <name>FirstRunPane</name>
    <message>
        <source>Accounts</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>An app</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>上一步</translation>
    </message>
    <message>
        <source>Finish</source>
        <translation>完成</translation>
    </message>
    <message>
        <source>First steps</source>
        <translation>开始使用</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一步</translation>
    </message>
    <message>
        <source>Skip all this</source>
        <translation>全部跳过</translation>
    </message>
    <message>
        <source>The way to Grok</source>
        <translation>通往 Grok</translation>
    </message>
    <message>
        <source>Welcome</source>
        <translation>欢迎</translation>
    </message>
    <message>
        <source>done</source>
        <translation>已完成</translation>
    </message>
    <message>
        <source>now</source>
        <translation>当前</translation>
    </message>
    <message>
        <source>to do</source>
        <translation>未完成</translation>
    </message>
</context>
<context>
    <name>FrameActs</name>
    <message>
        <source>Add accounts</source>
        <translation>添加账号</translation>
    </message>
    <message>
        <source>Begin something new here, or add accounts</source>
        <translation>在此新建，或添加账号</translation>
    </message>
    <message>
        <source>Check all accounts again</source>
        <translation>再次检查所有账号</translation>
    </message>
    <message>
        <source>Close the window</source>
        <translation>关闭窗口</translation>
    </message>
    <message>
        <source>Copy address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Copy key</source>
        <translation>复制密钥</translation>
    </message>
    <message>
        <source>Dark theme</source>
        <translation>深色主题</translation>
    </message>
    <message>
        <source>Find anything</source>
        <translation>查找任何内容</translation>
    </message>
    <message>
        <source>First steps</source>
        <translation>开始使用</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Language of the system</source>
        <translation>跟随系统语言</translation>
    </message>
    <message>
        <source>Language: %1</source>
        <translation>语言：%1</translation>
    </message>
    <message>
        <source>Larger text</source>
        <translation>放大文字</translation>
    </message>
    <message>
        <source>Light theme</source>
        <translation>浅色主题</translation>
    </message>
    <message>
        <source>Make a report for others</source>
        <translation>制作供他人查看的报告</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Nothing is running here.</source>
        <translation>这里没有正在运行的任务。</translation>
    </message>
    <message>
        <source>Open in a window of its own, or back</source>
        <translation>在单独的窗口中打开，或放回</translation>
    </message>
    <message>
        <source>Open the demo</source>
        <translation>打开演示</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message>
        <source>Refresh what is shown</source>
        <translation>刷新当前内容</translation>
    </message>
    <message>
        <source>Search in what is shown</source>
        <translation>在当前页面中搜索</translation>
    </message>
    <message>
        <source>Smaller text</source>
        <translation>缩小文字</translation>
    </message>
    <message>
        <source>Start or stop the gateway</source>
        <translation>启动或停止网关</translation>
    </message>
    <message>
        <source>Stop what is running here</source>
        <translation>停止这里正在运行的任务</translation>
    </message>
    <message>
        <source>Text in the size of the system</source>
        <translation>使用系统的文字大小</translation>
    </message>
    <message>
        <source>Theme like the system</source>
        <translation>跟随系统主题</translation>
    </message>
    <message>
        <source>To the next part of the window</source>
        <translation>转到窗口的下一区域</translation>
    </message>
    <message>
        <source>To the part of the window before</source>
        <translation>转到窗口的上一区域</translation>
    </message>
    <message>
        <source>Undo the last act</source>
        <translation>撤销上一步操作</translation>
    </message>
</context>
<context>
    <name>Home</name>
    <message>
        <source>API key</source>
        <translation>API 密钥</translation>
    </message>
    <message>
        <source>Accounts</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Add accounts…</source>
        <translation>添加账号…</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Apps cannot connect while it is stopped.</source>
        <translation>停止期间应用无法连接。</translation>
    </message>
    <message>
        <source>Apps that still use it will be refused at once. This cannot be undone.</source>
        <translation>仍在使用它的应用会立即被拒绝。此操作无法撤销。</translation>
    </message>
    <message>
        <source>Claude Code and other Anthropic apps read the second pair.</source>
        <translation>Claude Code 和其他 Anthropic 应用读取第二对。</translation>
    </message>
    <message>
        <source>Connect an app</source>
        <translation>连接应用</translation>
    </message>
    <message>
        <source>Copied with your key. The clipboard is cleared in 60 s.</source>
        <translation>已连同密钥一起复制。剪贴板将在 60 秒后清空。</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy the address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Copy the key</source>
        <translation>复制密钥</translation>
    </message>
    <message>
        <source>Copy with key</source>
        <translation>连同密钥复制</translation>
    </message>
    <message>
        <source>Environment</source>
        <translation>环境变量</translation>
    </message>
    <message>
        <source>Example</source>
        <translation>示例</translation>
    </message>
    <message>
        <source>First steps</source>
        <translation>开始使用</translation>
    </message>
    <message>
        <source>Keep both</source>
        <translation>两个都保留</translation>
    </message>
    <message>
        <source>Kind of example</source>
        <translation>示例类型</translation>
    </message>
    <message>
        <source>Last 24 hours</source>
        <translation>最近 24 小时</translation>
    </message>
    <message>
        <source>New key…</source>
        <translation>新密钥…</translation>
    </message>
    <message>
        <source>Python</source>
        <translation>Python</translation>
    </message>
    <message>
        <source>Revoke the old key</source>
        <translation>吊销旧密钥</translation>
    </message>
    <message>
        <source>Revoke the old key as well?</source>
        <translation>同时吊销旧密钥？</translation>
    </message>
    <message>
        <source>Set up an app…</source>
        <translation>设置应用…</translation>
    </message>
    <message>
        <source>Show usage</source>
        <translation>显示用量</translation>
    </message>
    <message>
        <source>Show who waits for you</source>
        <translation>显示待处理的账号</translation>
    </message>
    <message>
        <source>The key is shortened here and put in when you copy.</source>
        <translation>这里的密钥已缩短，复制时会填入完整内容。</translation>
    </message>
    <message>
        <source>answered</source>
        <translation>已回答</translation>
    </message>
    <message>
        <source>curl</source>
        <translation>curl</translation>
    </message>
    <message>
        <source>ready</source>
        <translation>可用</translation>
    </message>
    <message>
        <source>requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>requests running</source>
        <translation>正在运行的请求</translation>
    </message>
    <message>
        <source>resting</source>
        <translation>冷却中</translation>
    </message>
    <message>
        <source>to the first word, median</source>
        <translation>首字，中位数</translation>
    </message>
    <message>
        <source>waiting for you</source>
        <translation>待处理</translation>
    </message>
</context>
<context>
    <name>HostsCard</name>
    <message>
        <source>%1 is allowed now.</source>
        <translation>现在允许 %1。</translation>
    </message>
    <message>
        <source>%1 was refused: %2</source>
        <translation>%1 被拒绝：%2</translation>
    </message>
    <message>
        <source>A program</source>
        <translation>某个程序</translation>
    </message>
    <message>
        <source>Allow</source>
        <translation>允许</translation>
    </message>
    <message>
        <source>Allow %1</source>
        <translation>允许 %1</translation>
    </message>
    <message>
        <source>Allow this host name</source>
        <translation>允许此主机名</translation>
    </message>
    <message>
        <source>Allowed host names</source>
        <translation>允许的主机名</translation>
    </message>
    <message>
        <source>Change the lists…</source>
        <translation>更改列表…</translation>
    </message>
    <message>
        <source>Containers and other names</source>
        <translation>容器和其他名称</translation>
    </message>
    <message>
        <source>Docker Desktop: in the container, use %1 as the address, and allow its name below.</source>
        <translation>Docker Desktop：在容器中使用 %1 作为地址，并在下方允许该名称。</translation>
    </message>
    <message>
        <source>Docker on Linux: start the container with --network=host; nothing else changes.</source>
        <translation>Linux 上的 Docker：用 --network=host 启动容器，其他不变。</translation>
    </message>
    <message>
        <source>GrokDesk answers only under names of this computer that you know of, because any web page could make a name point here. Under another name a program hears 403.</source>
        <translation>GrokDesk 只在你认可的本机名称下应答，因为任何网页都可以让某个名称指向这里。使用其他名称的程序会收到 403。</translation>
    </message>
    <message>
        <source>Host name to allow</source>
        <translation>要允许的主机名</translation>
    </message>
    <message>
        <source>None besides localhost and 127.0.0.1</source>
        <translation>除 localhost 和 127.0.0.1 外没有</translation>
    </message>
    <message>
        <source>WSL: with mirrored networking 127.0.0.1 works. Without it, the address of this computer is another one there; other devices have to be allowed to connect (Settings → Gateway).</source>
        <translation>WSL：使用镜像网络时 127.0.0.1 可用。否则这台电脑在那里是另一个地址，需要允许其他设备连接（设置 → 网关）。</translation>
    </message>
    <message>
        <source>Web pages that call the gateway from the browser need their origin on the second list.</source>
        <translation>从浏览器调用网关的网页，需要把来源加入第二个列表。</translation>
    </message>
</context>
<context>
    <name>KeyDialog</name>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
</context>
<context>
    <name>KeyField</name>
    <message>
        <source>Press the new keys</source>
        <translation>请按新的快捷键</translation>
    </message>
</context>
<context>
    <name>KeysDialog</name>
    <message>
        <source>Apps that use it are refused at once. This cannot be undone.</source>
        <translation>使用它的应用会立即被拒绝。此操作无法撤销。</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy the selected key</source>
        <translation>复制所选密钥</translation>
    </message>
    <message>
        <source>Give each app its own key: then you can revoke one without the others, and see which app asks.</source>
        <translation>给每个应用单独的密钥：这样可以单独吊销，也能看出是哪个应用在请求。</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Key copied. The clipboard is cleared in 60 s.</source>
        <translation>已复制密钥。剪贴板将在 60 秒后清空。</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>密钥</translation>
    </message>
    <message>
        <source>Make a key</source>
        <translation>创建密钥</translation>
    </message>
    <message>
        <source>Name of the new key</source>
        <translation>新密钥的名称</translation>
    </message>
    <message>
        <source>Name of the new key, such as “Laptop”</source>
        <translation>新密钥的名称，例如“笔记本电脑”</translation>
    </message>
    <message>
        <source>Revoke</source>
        <translation>吊销</translation>
    </message>
    <message>
        <source>Revoke the key “%1”?</source>
        <translation>吊销密钥“%1”？</translation>
    </message>
    <message>
        <source>Revoke the selected key</source>
        <translation>吊销所选密钥</translation>
    </message>
    <message>
        <source>Revoke…</source>
        <translation>吊销…</translation>
    </message>
    <message>
        <source>The key “%1” is made.</source>
        <translation>已创建密钥“%1”。</translation>
    </message>
    <message>
        <source>The key “%1” no longer works.</source>
        <translation>密钥“%1”不再有效。</translation>
    </message>
</context>
<context>
    <name>KeysPage</name>
    <message>
        <source> or </source>
        <translation> 或 </translation>
    </message>
    <message>
        <source>%1 (changed)</source>
        <translation>%1（已更改）</translation>
    </message>
    <message>
        <source>%1 already means “%2”.</source>
        <translation>%1 已用于“%2”。</translation>
    </message>
    <message>
        <source>%1 is needed for texts: copying, pasting, selecting.</source>
        <translation>%1 用于文字操作：复制、粘贴、选择。</translation>
    </message>
    <message>
        <source>%1 is needed for typing. Hold Ctrl or Alt, or use a function key.</source>
        <translation>%1 用于输入。请按住 Ctrl 或 Alt，或使用功能键。</translation>
    </message>
    <message>
        <source>%2 now means “%1”.</source>
        <translation>%2 现在用于“%1”。</translation>
    </message>
    <message>
        <source>All keys are as they come.</source>
        <translation>所有快捷键都是初始设置。</translation>
    </message>
    <message>
        <source>Always</source>
        <translation>始终</translation>
    </message>
    <message>
        <source>As it comes</source>
        <translation>初始设置</translation>
    </message>
    <message>
        <source>Choose a line and press Enter, then the new keys. Backspace takes them away.</source>
        <translation>选择一行并按 Enter，然后按新的快捷键。按 Backspace 可去掉快捷键。</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Ctrl+S</source>
        <translation>Ctrl+S</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Esc</source>
        <translation>Esc</translation>
    </message>
    <message>
        <source>Find by what it does or by its keys</source>
        <translation>按功能或按键查找</translation>
    </message>
    <message>
        <source>Find keys</source>
        <translation>查找快捷键</translation>
    </message>
    <message>
        <source>Keep it there</source>
        <translation>保留在那里</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Keys for “%1”</source>
        <translation>“%1”的快捷键</translation>
    </message>
    <message>
        <source>Leave a search, close what lies on top</source>
        <translation>离开搜索，关闭最上层</translation>
    </message>
    <message>
        <source>Look at a picture, move in the wall</source>
        <translation>查看图片，在图墙中移动</translation>
    </message>
    <message>
        <source>Next control, control before</source>
        <translation>下一个控件，上一个控件</translation>
    </message>
    <message>
        <source>Put all back</source>
        <translation>全部恢复</translation>
    </message>
    <message>
        <source>Remove what is chosen, with undo</source>
        <translation>移除所选内容，可撤销</translation>
    </message>
    <message>
        <source>Save changed settings</source>
        <translation>保存更改过的设置</translation>
    </message>
    <message>
        <source>Space, arrow keys, Home, End</source>
        <translation>空格、方向键、Home、End</translation>
    </message>
    <message>
        <source>Tab, Shift+Tab</source>
        <translation>Tab、Shift+Tab</translation>
    </message>
    <message>
        <source>These keys are the same everywhere.</source>
        <translation>这些快捷键在各处都一样。</translation>
    </message>
    <message>
        <source>Use it here</source>
        <translation>用在这里</translation>
    </message>
    <message>
        <source>What</source>
        <translation>功能</translation>
    </message>
    <message>
        <source>Where</source>
        <translation>位置</translation>
    </message>
    <message>
        <source>“%1” has no keys now.</source>
        <translation>“%1”现在没有快捷键。</translation>
    </message>
    <message>
        <source>“%1” has the keys it comes with.</source>
        <translation>“%1”已恢复初始快捷键。</translation>
    </message>
</context>
<context>
    <name>KnownPassphrase</name>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Passphrase</source>
        <translation>口令</translation>
    </message>
    <message>
        <source>That was not the passphrase. Try again.</source>
        <translation>口令不正确。请再试一次。</translation>
    </message>
    <message>
        <source>The accounts in this data folder are locked with the passphrase you chose.</source>
        <translation>此数据文件夹中的账号已用你选择的口令锁定。</translation>
    </message>
    <message>
        <source>Type the passphrase.</source>
        <translation>请输入口令。</translation>
    </message>
    <message>
        <source>Your passphrase</source>
        <translation>你的口令</translation>
    </message>
</context>
<context>
    <name>LetOthers</name>
    <message>
        <source>Anyone on this network who has a key can use your accounts.</source>
        <translation>此网络中任何拥有密钥的人都可以使用你的账号。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Let other devices connect?</source>
        <translation>允许其他设备连接？</translation>
    </message>
    <message>
        <source>Let them connect</source>
        <translation>允许连接</translation>
    </message>
    <message>
        <source>The address for them:</source>
        <translation>供他们使用的地址：</translation>
    </message>
    <message numerus="yes">
        <source>The gateway starts anew: %n running requests have five seconds to end.</source>
        <translation>
            <numerusform>网关将重新启动：%n 个正在运行的请求有五秒时间结束。</numerusform>
        </translation>
    </message>
    <message>
        <source>The gateway starts anew: the running request has five seconds to end.</source>
        <translation>网关将重新启动：正在运行的请求有五秒时间结束。</translation>
    </message>
    <message>
        <source>They use the address of this computer in the network, with port %1.</source>
        <translation>他们使用这台电脑在网络中的地址，端口为 %1。</translation>
    </message>
    <message>
        <source>What they send is not encrypted on the way. Do this only in a network you trust.</source>
        <translation>他们发送的内容在途中没有加密。只在你信任的网络中这样做。</translation>
    </message>
</context>
<context>
    <name>Library</name>
    <message>
        <source>Film</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>Made</source>
        <translation>创建时间</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Picture</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Pixels, length</source>
        <translation>像素，时长</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Yesterday</source>
        <translation>昨天</translation>
    </message>
    <message>
        <source>d MMMM</source>
        <translation>M月d日</translation>
    </message>
    <message>
        <source>d MMMM yyyy</source>
        <translation>yyyy年M月d日</translation>
    </message>
    <message>
        <source>favourite</source>
        <translation>收藏</translation>
    </message>
</context>
<context>
    <name>LibraryActs</name>
    <message numerus="yes">
        <source>%n are not there any more</source>
        <translation>
            <numerusform>%n 个已不存在</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n could not be read</source>
        <translation>
            <numerusform>%n 个无法读取</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) added</source>
        <translation>
            <numerusform>已添加 %n 个文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) brought back.</source>
        <translation>
            <numerusform>已恢复 %n 个文件。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) copied.</source>
        <translation>
            <numerusform>已复制 %n 个文件。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) deleted.</source>
        <translation>
            <numerusform>已删除 %n 个文件。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) marked as favourite. Cleaning never takes them.</source>
        <translation>
            <numerusform>已收藏 %n 个文件。清理时不会删除它们。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) saved</source>
        <translation>
            <numerusform>已保存 %n 个文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n file(s) taken from the favourites.</source>
        <translation>
            <numerusform>已取消收藏 %n 个文件。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n files and folders</source>
        <translation>
            <numerusform>%n 个文件和文件夹</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n link(s) copied.</source>
        <translation>
            <numerusform>已复制 %n 个链接。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n were here already</source>
        <translation>
            <numerusform>%n 个这里已有</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n were there already</source>
        <translation>
            <numerusform>%n 个那里已有</numerusform>
        </translation>
    </message>
    <message>
        <source>Check that the folder can be written and the disk is not full.</source>
        <translation>请检查文件夹是否可以写入，以及磁盘是否已满。</translation>
    </message>
    <message>
        <source>Export the library to a folder</source>
        <translation>将媒体库导出到文件夹</translation>
    </message>
    <message>
        <source>Import the pictures and films of a folder</source>
        <translation>导入文件夹中的图片和视频</translation>
    </message>
    <message>
        <source>Importing %1</source>
        <translation>正在导入 %1</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
    <message numerus="yes">
        <source>New links made for %n file(s).</source>
        <translation>
            <numerusform>已为 %n 个文件创建新链接。</numerusform>
        </translation>
    </message>
    <message>
        <source>No program opens films here. Save it and open it there.</source>
        <translation>没有程序可以在这里打开视频。请先保存，再从保存处打开。</translation>
    </message>
    <message>
        <source>PNG, JPEG, WebP, GIF, MP4, MOV and WebM can be kept here.</source>
        <translation>这里可以保存 PNG、JPEG、WebP、GIF、MP4、MOV 和 WebM。</translation>
    </message>
    <message numerus="yes">
        <source>Save %n file(s) in a folder</source>
        <translation>
            <numerusform>将 %n 个文件保存到文件夹</numerusform>
        </translation>
    </message>
    <message>
        <source>Save the file as</source>
        <translation>将文件另存为</translation>
    </message>
    <message>
        <source>Saved as %1.</source>
        <translation>已保存为 %1。</translation>
    </message>
    <message>
        <source>Saving to %1</source>
        <translation>正在保存到 %1</translation>
    </message>
    <message>
        <source>Stopped. %1</source>
        <translation>已停止。%1</translation>
    </message>
    <message numerus="yes">
        <source>Tags of %n file(s) changed.</source>
        <translation>
            <numerusform>已更改 %n 个文件的标签。</numerusform>
        </translation>
    </message>
    <message>
        <source>Take back</source>
        <translation>收回</translation>
    </message>
    <message numerus="yes">
        <source>Take back the links of %n file(s)?</source>
        <translation>
            <numerusform>收回 %n 个文件的链接？</numerusform>
        </translation>
    </message>
    <message>
        <source>The file could not be saved.</source>
        <translation>文件无法保存。</translation>
    </message>
    <message>
        <source>The gateway is stopped, so links open nothing. Start it first.</source>
        <translation>网关已停止，链接无法打开。请先启动网关。</translation>
    </message>
    <message>
        <source>This file has been deleted.</source>
        <translation>此文件已被删除。</translation>
    </message>
    <message>
        <source>This is neither a picture nor a film.</source>
        <translation>这既不是图片也不是视频。</translation>
    </message>
    <message>
        <source>Whoever has an old link sees nothing any more. The files stay, with new links.</source>
        <translation>持有旧链接的人将无法再查看。文件会保留，并使用新链接。</translation>
    </message>
</context>
<context>
    <name>LibraryPane</name>
    <message>
        <source>%1, %2 of %3</source>
        <translation>%1，%2 / %3</translation>
    </message>
    <message>
        <source>%1, %2, no limit</source>
        <translation>%1，%2，无上限</translation>
    </message>
    <message numerus="yes">
        <source>%n file(s)</source>
        <translation>
            <numerusform>%n 个文件</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n of %1</source>
        <translation>
            <numerusform>%n / %1</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n selected, %1</source>
        <translation>
            <numerusform>已选择 %n 个，%1</numerusform>
        </translation>
    </message>
    <message>
        <source>All kinds</source>
        <translation>所有类型</translation>
    </message>
    <message>
        <source>All tags</source>
        <translation>所有标签</translation>
    </message>
    <message>
        <source>As a list</source>
        <translation>列表视图</translation>
    </message>
    <message>
        <source>As a wall</source>
        <translation>图墙视图</translation>
    </message>
    <message>
        <source>At Grok</source>
        <translation>在 Grok</translation>
    </message>
    <message>
        <source>Bring back</source>
        <translation>恢复</translation>
    </message>
    <message>
        <source>Clean…</source>
        <translation>清理…</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy link</source>
        <translation>复制链接</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Deleted files</source>
        <translation>已删除的文件</translation>
    </message>
    <message>
        <source>Deleted files wait here for some days.</source>
        <translation>删除的文件会在这里保留几天。</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <source>Films</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>Films: %1</source>
        <translation>视频：%1</translation>
    </message>
    <message>
        <source>Import a folder…</source>
        <translation>导入文件夹…</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>导入…</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>媒体库</translation>
    </message>
    <message>
        <source>Local</source>
        <translation>本地</translation>
    </message>
    <message>
        <source>Look at it</source>
        <translation>查看</translation>
    </message>
    <message>
        <source>Mark as favourite</source>
        <translation>收藏</translation>
    </message>
    <message>
        <source>No file matches</source>
        <translation>没有符合的文件</translation>
    </message>
    <message>
        <source>Nothing fits the search and the filters above.</source>
        <translation>没有符合上方搜索和筛选的内容。</translation>
    </message>
    <message>
        <source>Nothing here yet</source>
        <translation>这里还没有内容</translation>
    </message>
    <message>
        <source>Nothing was deleted</source>
        <translation>没有删除任何内容</translation>
    </message>
    <message>
        <source>Only favourites</source>
        <translation>仅显示收藏</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Pictures and films</source>
        <translation>图片和视频</translation>
    </message>
    <message>
        <source>Pictures and films as a list</source>
        <translation>图片和视频列表</translation>
    </message>
    <message>
        <source>Pictures and films that apps or you make are kept here. Drop files here to add them.</source>
        <translation>应用或你自己生成的图片和视频保存在这里。把文件拖到这里即可添加。</translation>
    </message>
    <message>
        <source>Pictures: %1</source>
        <translation>图片：%1</translation>
    </message>
    <message>
        <source>Play in your player</source>
        <translation>在播放器中播放</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>Search by prompt, model, tag or account</source>
        <translation>按提示词、模型、标签或账号搜索</translation>
    </message>
    <message>
        <source>Search files</source>
        <translation>搜索文件</translation>
    </message>
    <message>
        <source>Show all files</source>
        <translation>显示所有文件</translation>
    </message>
    <message>
        <source>Show in folder</source>
        <translation>在文件夹中显示</translation>
    </message>
    <message>
        <source>Tag</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>Tags…</source>
        <translation>标签…</translation>
    </message>
    <message>
        <source>Take back the link…</source>
        <translation>收回链接…</translation>
    </message>
    <message>
        <source>Take from the favourites</source>
        <translation>取消收藏</translation>
    </message>
    <message>
        <source>The disk is nearly full, %1 left. New files may not be kept.</source>
        <translation>磁盘即将用满，剩余 %1。新文件可能无法保存。</translation>
    </message>
    <message>
        <source>The folder with your files is not there: %1. Put it back, or connect the disk it is on.</source>
        <translation>存放文件的文件夹不在：%1。请把它放回，或连接所在的磁盘。</translation>
    </message>
    <message>
        <source>The library could not be read</source>
        <translation>无法读取媒体库</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>再试一次</translation>
    </message>
    <message>
        <source>Where the files are</source>
        <translation>文件所在位置</translation>
    </message>
    <message>
        <source>Your files are safe. %1</source>
        <translation>你的文件是安全的。%1</translation>
    </message>
</context>
<context>
    <name>Line</name>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详细信息</translation>
    </message>
    <message>
        <source>Put away</source>
        <translation>收起</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>再试一次</translation>
    </message>
</context>
<context>
    <name>LinesControl</name>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <source>None. One a line.</source>
        <translation>无。每行一个。</translation>
    </message>
</context>
<context>
    <name>LivePage</name>
    <message numerus="yes">
        <source>%n failed</source>
        <translation>
            <numerusform>失败 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n new or changed</source>
        <translation>
            <numerusform>%n 个新的或有变化</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n request(s) written to %1.</source>
        <translation>
            <numerusform>已将 %n 个请求写入 %1。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n running</source>
        <translation>
            <numerusform>%n 个进行中</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n shown</source>
        <translation>
            <numerusform>显示 %n 个</numerusform>
        </translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>All accounts</source>
        <translation>所有账号</translation>
    </message>
    <message>
        <source>All apps</source>
        <translation>所有应用</translation>
    </message>
    <message>
        <source>All models</source>
        <translation>所有模型</translation>
    </message>
    <message>
        <source>App</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Clear the filters</source>
        <translation>清除筛选</translation>
    </message>
    <message>
        <source>Connect an app with the address and key on Home. Its requests appear here as they come.</source>
        <translation>用“首页”上的地址和密钥连接应用。它的请求会随时显示在这里。</translation>
    </message>
    <message>
        <source>Export requests</source>
        <translation>导出请求</translation>
    </message>
    <message>
        <source>Exporting requests</source>
        <translation>正在导出请求</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <source>Failed only</source>
        <translation>仅失败</translation>
    </message>
    <message>
        <source>Follow</source>
        <translation>跟随</translation>
    </message>
    <message>
        <source>Hold</source>
        <translation>暂停</translation>
    </message>
    <message>
        <source>JSON (*.json)</source>
        <translation>JSON (*.json)</translation>
    </message>
    <message>
        <source>Let the list stand still while requests come in</source>
        <translation>有新请求时列表保持不动</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>No request matches</source>
        <translation>没有符合的请求</translation>
    </message>
    <message>
        <source>Nothing fits the search and the filters above.</source>
        <translation>没有符合上方搜索和筛选的内容。</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Search by model, account, app, status or failure</source>
        <translation>按模型、账号、应用、状态或失败原因搜索</translation>
    </message>
    <message>
        <source>Search requests</source>
        <translation>搜索请求</translation>
    </message>
    <message>
        <source>Select the request to stop.</source>
        <translation>请选择要停止的请求。</translation>
    </message>
    <message>
        <source>Show address and key</source>
        <translation>显示地址和密钥</translation>
    </message>
    <message>
        <source>Table (*.csv)</source>
        <translation>表格 (*.csv)</translation>
    </message>
    <message>
        <source>This request is not in the list any more.</source>
        <translation>此请求已不在列表中。</translation>
    </message>
    <message>
        <source>Waiting for the first request</source>
        <translation>正在等待第一个请求</translation>
    </message>
</context>
<context>
    <name>Logs</name>
    <message>
        <source>Detail</source>
        <translation>详细信息</translation>
    </message>
    <message>
        <source>Error</source>
        <translation>错误</translation>
    </message>
    <message>
        <source>Info</source>
        <translation>信息</translation>
    </message>
    <message>
        <source>Level</source>
        <translation>级别</translation>
    </message>
    <message>
        <source>Part</source>
        <translation>模块</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Warning</source>
        <translation>警告</translation>
    </message>
    <message>
        <source>What happened</source>
        <translation>内容</translation>
    </message>
</context>
<context>
    <name>LogsPage</name>
    <message numerus="yes">
        <source>%1 of %n line(s)</source>
        <translation>
            <numerusform>%1 / %n 行</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n line(s)</source>
        <translation>
            <numerusform>%n 行</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n line(s) copied.</source>
        <translation>
            <numerusform>已复制 %n 行。</numerusform>
        </translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy the selected lines</source>
        <translation>复制所选行</translation>
    </message>
    <message>
        <source>Diagnostics…</source>
        <translation>诊断…</translation>
    </message>
    <message>
        <source>Errors</source>
        <translation>错误</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>File of the log</source>
        <translation>日志文件</translation>
    </message>
    <message>
        <source>Find in the log</source>
        <translation>在日志中查找</translation>
    </message>
    <message>
        <source>Follow</source>
        <translation>跟随</translation>
    </message>
    <message>
        <source>From now on: %1.</source>
        <translation>从现在起：%1。</translation>
    </message>
    <message>
        <source>Info and worse</source>
        <translation>信息及以上</translation>
    </message>
    <message>
        <source>Lines of the log</source>
        <translation>日志行</translation>
    </message>
    <message>
        <source>More for the log</source>
        <translation>更多日志操作</translation>
    </message>
    <message>
        <source>No line matches</source>
        <translation>没有符合的行</translation>
    </message>
    <message>
        <source>No log</source>
        <translation>没有日志</translation>
    </message>
    <message>
        <source>No program opens it. Its place is in the clipboard now.</source>
        <translation>没有程序可以打开它。它的位置已复制到剪贴板。</translation>
    </message>
    <message>
        <source>Nothing was written down here.</source>
        <translation>这里没有任何记录。</translation>
    </message>
    <message>
        <source>Nothing yet</source>
        <translation>还没有内容</translation>
    </message>
    <message>
        <source>Open the folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Show as in the settings file</source>
        <translation>在设置文件中显示</translation>
    </message>
    <message>
        <source>Show everything</source>
        <translation>全部显示</translation>
    </message>
    <message>
        <source>Show from level</source>
        <translation>显示此级别及以上</translation>
    </message>
    <message>
        <source>Stay at the newest line as long as you are there</source>
        <translation>停留在末尾时跟随最新的行</translation>
    </message>
    <message numerus="yes">
        <source>The file has %n line(s), none of them like that.</source>
        <translation>
            <numerusform>文件有 %n 行，没有符合的行。</numerusform>
        </translation>
    </message>
    <message>
        <source>The log cannot be read: %1.</source>
        <translation>无法读取日志：%1。</translation>
    </message>
    <message>
        <source>The selected lines in full</source>
        <translation>所选行的全文</translation>
    </message>
    <message>
        <source>Today</source>
        <translation>今天</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>再试一次</translation>
    </message>
    <message>
        <source>Warnings and errors</source>
        <translation>警告和错误</translation>
    </message>
    <message>
        <source>Write down</source>
        <translation>记录</translation>
    </message>
    <message>
        <source>Writes errors only</source>
        <translation>仅记录错误</translation>
    </message>
    <message>
        <source>Writes everything</source>
        <translation>记录全部</translation>
    </message>
    <message>
        <source>Writes the usual</source>
        <translation>正常记录</translation>
    </message>
    <message>
        <source>Writes warnings</source>
        <translation>记录警告</translation>
    </message>
</context>
<context>
    <name>MainWindow</name>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Accounts</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Connect apps</source>
        <translation>连接应用</translation>
    </message>
    <message>
        <source>Demo — nothing here is real</source>
        <translation>演示：这里的一切都不是真实的</translation>
    </message>
    <message>
        <source>First steps</source>
        <translation>开始使用</translation>
    </message>
    <message>
        <source>GrokDesk — demo</source>
        <translation>GrokDesk：演示</translation>
    </message>
    <message>
        <source>Home</source>
        <translation>首页</translation>
    </message>
    <message>
        <source>Library</source>
        <translation>媒体库</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
</context>
<context>
    <name>MessageList</name>
    <message>
        <source>%1 · %2</source>
        <translation>%1 · %2</translation>
    </message>
    <message>
        <source>Failed: %1</source>
        <translation>失败：%1</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message>
        <source>Nothing was said yet. What is copied, saved or goes wrong is told here.</source>
        <translation>还没有消息。复制、保存和出错的情况都会在这里说明。</translation>
    </message>
</context>
<context>
    <name>ModelDetails</name>
    <message>
        <source>%1 accounts can serve it now.</source>
        <translation>%1 个账号现在可以提供。</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message numerus="yes">
        <source>%n name(s) selected</source>
        <translation>
            <numerusform>已选择 %n 个名称</numerusform>
        </translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Add</source>
        <translation>添加</translation>
    </message>
    <message>
        <source>Add the other name</source>
        <translation>添加别名</translation>
    </message>
    <message>
        <source>Another name for this model</source>
        <translation>此模型的别名</translation>
    </message>
    <message>
        <source>Counting accounts…</source>
        <translation>正在统计账号…</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详细信息</translation>
    </message>
    <message>
        <source>Down</source>
        <translation>下移</translation>
    </message>
    <message>
        <source>It stands for %1, and there is no model of that name.</source>
        <translation>它指向 %1，但没有这个名称的模型。</translation>
    </message>
    <message>
        <source>List it earlier</source>
        <translation>在列表中前移</translation>
    </message>
    <message>
        <source>List it earlier (Alt+Up)</source>
        <translation>在列表中前移 (Alt+Up)</translation>
    </message>
    <message>
        <source>List it later</source>
        <translation>在列表中后移</translation>
    </message>
    <message>
        <source>List it later (Alt+Down)</source>
        <translation>在列表中后移 (Alt+Down)</translation>
    </message>
    <message>
        <source>Makes</source>
        <translation>产出</translation>
    </message>
    <message>
        <source>Name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>Other names</source>
        <translation>别名</translation>
    </message>
    <message>
        <source>Select a model to see where its answers go and who can serve it now.</source>
        <translation>选择一个模型，查看它由谁回答、哪些账号可以提供。</translation>
    </message>
    <message>
        <source>Show accounts</source>
        <translation>显示账号</translation>
    </message>
    <message>
        <source>Stands for</source>
        <translation>指向</translation>
    </message>
    <message>
        <source>Such as gpt-4o</source>
        <translation>例如 gpt-4o</translation>
    </message>
    <message>
        <source>Switch off</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Switch on</source>
        <translation>开启</translation>
    </message>
    <message>
        <source>Switched off: not listed, and asking for it fails.</source>
        <translation>已关闭：不会列出，请求它会失败。</translation>
    </message>
    <message>
        <source>Up</source>
        <translation>上移</translation>
    </message>
</context>
<context>
    <name>Models</name>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>A model is called so already.</source>
        <translation>已有模型使用这个名称。</translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>All that could serve it are signed out, blocked or switched off.</source>
        <translation>可以提供它的账号都已登录失效、被封禁或停用。</translation>
    </message>
    <message>
        <source>All that could serve it rest or are used up. The next is ready at %1.</source>
        <translation>可以提供它的账号都在冷却或已用完。最早在 %1 可用。</translation>
    </message>
    <message>
        <source>Another name; it is offered as long as its model is.</source>
        <translation>别名；只要所指的模型在提供，它就可用。</translation>
    </message>
    <message>
        <source>Any account</source>
        <translation>任意账号</translation>
    </message>
    <message>
        <source>At most %1 characters.</source>
        <translation>最多 %1 个字符。</translation>
    </message>
    <message>
        <source>Basic accounts are asked first, so that better ones keep what they have.</source>
        <translation>优先使用 Basic 账号，把更好的账号留给需要的请求。</translation>
    </message>
    <message>
        <source>Changed pictures</source>
        <translation>图片编辑</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Drawn within a conversation in the mode Fast; each counts as a question.</source>
        <translation>在 Fast 模式的对话中绘制；每次计为一次提问。</translation>
    </message>
    <message>
        <source>Films</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>Fine pictures</source>
        <translation>精细图片</translation>
    </message>
    <message>
        <source>Grok answers in the mode %1, and a question is counted there.</source>
        <translation>Grok 以 %1 模式回答，计为该模式的一次提问。</translation>
    </message>
    <message>
        <source>Grok answers in the mode %1; when that is used up, in %2, then in %3.</source>
        <translation>Grok 以 %1 模式回答；用完后改用 %2，再改用 %3。</translation>
    </message>
    <message>
        <source>Grok does not offer it to any of the accounts.</source>
        <translation>Grok 没有向任何一个账号提供它。</translation>
    </message>
    <message>
        <source>Heavy</source>
        <translation>Heavy</translation>
    </message>
    <message>
        <source>Heavy accounts are asked first: the best that is there answers.</source>
        <translation>优先使用 Heavy 账号：由最好的账号回答。</translation>
    </message>
    <message>
        <source>It already stands for %1.</source>
        <translation>它已经指向 %1。</translation>
    </message>
    <message>
        <source>Letters, digits and . _ - : / @ + only, and first a letter or a digit.</source>
        <translation>只能使用字母、数字和 . _ - : / @ +，并以字母或数字开头。</translation>
    </message>
    <message>
        <source>Made by Imagine from your pictures, and counted as changes of pictures.</source>
        <translation>由 Imagine 根据你的图片生成，计为图片编辑。</translation>
    </message>
    <message>
        <source>Made by Imagine, and counted as films. More than 6 s needs a Super or Heavy account.</source>
        <translation>由 Imagine 生成，计为视频。超过 6 秒需要 Super 或 Heavy 账号。</translation>
    </message>
    <message>
        <source>Made by Imagine, and counted as pictures.</source>
        <translation>由 Imagine 生成，计为图片。</translation>
    </message>
    <message>
        <source>Makes</source>
        <translation>产出</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Nothing</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>Offered</source>
        <translation>提供中</translation>
    </message>
    <message>
        <source>On</source>
        <translation>开</translation>
    </message>
    <message>
        <source>Only Heavy accounts are asked.</source>
        <translation>只使用 Heavy 账号。</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Ready now</source>
        <translation>现在可用</translation>
    </message>
    <message>
        <source>Sketches</source>
        <translation>草图</translation>
    </message>
    <message>
        <source>Super accounts are asked first.</source>
        <translation>优先使用 Super 账号。</translation>
    </message>
    <message>
        <source>Super or Heavy</source>
        <translation>Super 或 Heavy</translation>
    </message>
    <message>
        <source>There is no account yet.</source>
        <translation>还没有账号。</translation>
    </message>
    <message>
        <source>There is no model of this name, so asking for it fails.</source>
        <translation>没有这个名称的模型，请求它会失败。</translation>
    </message>
    <message>
        <source>There is no such account here: it needs %1.</source>
        <translation>这里没有合适的账号：需要 %1。</translation>
    </message>
    <message>
        <source>Type a name.</source>
        <translation>请输入名称。</translation>
    </message>
</context>
<context>
    <name>ModelsPage</name>
    <message>
        <source>%1 of %2 models are offered. What you change here is saved at once; Ctrl+Z takes it back.</source>
        <translation>提供 %1 / %2 个模型。这里的更改会立即保存；按 Ctrl+Z 可以撤销。</translation>
    </message>
    <message>
        <source>%1 stands for %2 from now on.</source>
        <translation>%1 从现在起指向 %2。</translation>
    </message>
    <message numerus="yes">
        <source>%n model(s) switched off: no longer listed.</source>
        <translation>
            <numerusform>已关闭 %n 个模型：不再列出。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n model(s) switched on.</source>
        <translation>
            <numerusform>已开启 %n 个模型。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n other name(s) removed.</source>
        <translation>
            <numerusform>已移除 %n 个别名。</numerusform>
        </translation>
    </message>
    <message>
        <source>A model cannot be removed. Switch it off, and nobody is offered it.</source>
        <translation>模型无法移除。把它关闭，就不再向任何人提供。</translation>
    </message>
    <message>
        <source>Another name is offered as long as its model is.</source>
        <translation>只要所指的模型在提供，别名就可用。</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>清除搜索</translation>
    </message>
    <message>
        <source>Find a model</source>
        <translation>查找模型</translation>
    </message>
    <message>
        <source>Listed in another order.</source>
        <translation>已更改列表顺序。</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Models are as they come.</source>
        <translation>模型都是初始设置。</translation>
    </message>
    <message>
        <source>More for models</source>
        <translation>更多模型操作</translation>
    </message>
    <message>
        <source>No model matches</source>
        <translation>没有符合的模型</translation>
    </message>
    <message>
        <source>Nothing is called “%1”.</source>
        <translation>没有名为“%1”的内容。</translation>
    </message>
    <message>
        <source>Put all models back to how they come</source>
        <translation>将所有模型恢复为初始设置</translation>
    </message>
    <message>
        <source>Put the selected ones back to how they come</source>
        <translation>将所选模型恢复为初始设置</translation>
    </message>
    <message>
        <source>Remove the other name</source>
        <translation>移除别名</translation>
    </message>
    <message>
        <source>Select a model first.</source>
        <translation>请先选择一个模型。</translation>
    </message>
    <message>
        <source>Show as in the settings file</source>
        <translation>在设置文件中显示</translation>
    </message>
    <message>
        <source>The models are set by %1, which comes before the file.</source>
        <translation>模型由 %1 设定，它优先于设置文件。</translation>
    </message>
</context>
<context>
    <name>NetworkPane</name>
    <message>
        <source>Cloudflare</source>
        <translation>Cloudflare</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>页面</translation>
    </message>
    <message>
        <source>Proxies</source>
        <translation>代理</translation>
    </message>
</context>
<context>
    <name>NewKey</name>
    <message>
        <source>A key file in the data folder</source>
        <translation>数据文件夹中的密钥文件</translation>
    </message>
    <message>
        <source>A passphrase that you type at every start</source>
        <translation>每次启动时输入的口令</translation>
    </message>
    <message>
        <source>Continue</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>GrokDesk encrypts your accounts. This computer offers no keyring to keep the key in, so it is your choice. It cannot be changed later without adding the accounts again.</source>
        <translation>GrokDesk 会加密你的账号。这台电脑没有可以保存密钥的密钥环，所以由你选择。以后要更改，就得重新添加账号。</translation>
    </message>
    <message numerus="yes">
        <source>Passphrase, at least %n character(s)</source>
        <translation>
            <numerusform>口令，至少 %n 个字符</numerusform>
        </translation>
    </message>
    <message>
        <source>Safest. Nobody can help you if you forget it, and GrokDesk cannot start by itself.</source>
        <translation>最安全。忘记了谁也帮不了你，GrokDesk 也无法自行启动。</translation>
    </message>
    <message>
        <source>Simplest. Whoever can read your files can read your accounts. GrokDesk keeps saying so.</source>
        <translation>最简单。能读取你的文件的人也能读取你的账号。GrokDesk 会一直提醒这一点。</translation>
    </message>
    <message numerus="yes">
        <source>The passphrase needs at least %n character(s).</source>
        <translation>
            <numerusform>口令至少需要 %n 个字符。</numerusform>
        </translation>
    </message>
    <message>
        <source>The same again</source>
        <translation>再输入一次</translation>
    </message>
    <message>
        <source>The two are not the same.</source>
        <translation>两次输入不一致。</translation>
    </message>
    <message>
        <source>Where should the key be kept?</source>
        <translation>密钥应保存在哪里？</translation>
    </message>
</context>
<context>
    <name>Notices</name>
    <message>
        <source>Choose a port…</source>
        <translation>选择端口…</translation>
    </message>
    <message>
        <source>GrokDesk %1 is there.</source>
        <translation>有新版本 GrokDesk %1。</translation>
    </message>
    <message>
        <source>No account works: all are signed out or blocked.</source>
        <translation>没有可用的账号：都已登录失效或被封禁。</translation>
    </message>
    <message>
        <source>Not now</source>
        <translation>暂不</translation>
    </message>
    <message>
        <source>Show clearances</source>
        <translation>显示通行凭证</translation>
    </message>
    <message>
        <source>Show settings</source>
        <translation>显示设置</translation>
    </message>
    <message>
        <source>Show them</source>
        <translation>显示它们</translation>
    </message>
    <message>
        <source>This desktop shows no tray icon, so closing this window asks what to do.</source>
        <translation>此桌面不显示托盘图标，因此关闭此窗口时会询问如何处理。</translation>
    </message>
    <message>
        <source>Try again</source>
        <translation>再试一次</translation>
    </message>
    <message>
        <source>Understood</source>
        <translation>知道了</translation>
    </message>
    <message>
        <source>Use %1</source>
        <translation>使用 %1</translation>
    </message>
    <message>
        <source>What is new</source>
        <translation>新增内容</translation>
    </message>
</context>
<context>
    <name>Notifier</name>
    <message numerus="yes">
        <source>%n accounts need you: they are signed out or blocked.</source>
        <translation>
            <numerusform>%n 个账号待处理：登录失效或被封禁。</numerusform>
        </translation>
    </message>
    <message>
        <source>1 account needs you: it is signed out or blocked.</source>
        <translation>1 个账号待处理：登录失效或被封禁。</translation>
    </message>
    <message>
        <source>A picture or film is finished.</source>
        <translation>有图片或视频已完成。</translation>
    </message>
    <message>
        <source>A picture or film was not made: %1</source>
        <translation>有图片或视频未能生成：%1</translation>
    </message>
    <message>
        <source>All accounts are resting.</source>
        <translation>所有账号都在冷却。</translation>
    </message>
    <message>
        <source>All accounts are resting. The first is back at %1.</source>
        <translation>所有账号都在冷却。最早在 %1 恢复。</translation>
    </message>
    <message>
        <source>Apps cannot connect: %1</source>
        <translation>应用无法连接：%1</translation>
    </message>
    <message>
        <source>GrokDesk %1 is there.</source>
        <translation>有新版本 GrokDesk %1。</translation>
    </message>
    <message numerus="yes">
        <source>It failed for %n.</source>
        <translation>
            <numerusform>%n 个失败。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Work on %n account(s) has ended.</source>
        <translation>
            <numerusform>%n 个账号的操作已结束。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Outcome</name>
    <message>
        <source>%1 done, %2 failed, %3 left out.</source>
        <translation>完成 %1 个，失败 %2 个，未处理 %3 个。</translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy list</source>
        <translation>复制列表</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>完成</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>List copied.</source>
        <translation>已复制列表。</translation>
    </message>
    <message>
        <source>Only what failed</source>
        <translation>仅失败的</translation>
    </message>
    <message>
        <source>Outcome</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>Outcome of each account</source>
        <translation>每个账号的结果</translation>
    </message>
    <message numerus="yes">
        <source>Retry %n account(s)</source>
        <translation>
            <numerusform>重试 %n 个账号</numerusform>
        </translation>
    </message>
    <message>
        <source>What happened</source>
        <translation>情况</translation>
    </message>
</context>
<context>
    <name>OverviewLine</name>
    <message>
        <source>%1 calls, %2 % answered</source>
        <translation>%1 次调用，%2 % 已回答</translation>
    </message>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message numerus="yes">
        <source>%n account(s)</source>
        <translation>
            <numerusform>%n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n cooling</source>
        <translation>
            <numerusform>%n 个冷却中</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n ready</source>
        <translation>
            <numerusform>%n 个可用</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n switched off</source>
        <translation>
            <numerusform>%n 个已停用</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n waiting for you</source>
        <translation>
            <numerusform>%n 个待处理</numerusform>
        </translation>
    </message>
    <message>
        <source>Accounts</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Not asked yet</source>
        <translation>尚未询问</translation>
    </message>
</context>
<context>
    <name>Page</name>
    <message>
        <source>Next</source>
        <translation>下一步</translation>
    </message>
</context>
<context>
    <name>Palette</name>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Find anything</source>
        <translation>查找任何内容</translation>
    </message>
    <message>
        <source>Go to, do, set, or find an account</source>
        <translation>前往、操作、设置，或查找账号</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Nothing is called “%1”.</source>
        <translation>没有名为“%1”的内容。</translation>
    </message>
    <message>
        <source>Setting</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>What was found</source>
        <translation>找到的内容</translation>
    </message>
</context>
<context>
    <name>PaneWindow</name>
    <message>
        <source>%1 — GrokDesk</source>
        <translation>%1 - GrokDesk</translation>
    </message>
    <message>
        <source>%1 — GrokDesk demo</source>
        <translation>%1 - GrokDesk 演示</translation>
    </message>
    <message>
        <source>Back into the main window</source>
        <translation>放回主窗口</translation>
    </message>
    <message>
        <source>Demo — nothing here is real</source>
        <translation>演示：这里的一切都不是真实的</translation>
    </message>
    <message>
        <source>Window</source>
        <translation>窗口</translation>
    </message>
</context>
<context>
    <name>PastePage</name>
    <message numerus="yes">
        <source>%n account(s) here</source>
        <translation>
            <numerusform>这里有 %n 个账号</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n being checked</source>
        <translation>
            <numerusform>正在检查 %n 个</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n ready</source>
        <translation>
            <numerusform>%n 个可用</numerusform>
        </translation>
    </message>
    <message>
        <source>Add them and go on</source>
        <translation>添加并继续</translation>
    </message>
    <message>
        <source>Later</source>
        <translation>以后再说</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一步</translation>
    </message>
    <message>
        <source>No account is here yet.</source>
        <translation>这里还没有账号。</translation>
    </message>
    <message>
        <source>Without an account apps get an error.</source>
        <translation>没有账号，应用会收到错误。</translation>
    </message>
</context>
<context>
    <name>PlaceButton</name>
    <message>
        <source>%1, in a window of its own</source>
        <translation>%1，在单独的窗口中</translation>
    </message>
    <message>
        <source>Back into the main window</source>
        <translation>放回主窗口</translation>
    </message>
    <message>
        <source>In a window of its own</source>
        <translation>在单独的窗口中</translation>
    </message>
    <message>
        <source>Open in a window of its own</source>
        <translation>在单独的窗口中打开</translation>
    </message>
</context>
<context>
    <name>Plan</name>
    <message>
        <source>A new token of %1; choose “Update them” to take it</source>
        <translation>%1 的新令牌；选择“用这里的内容更新”即可采用</translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Already there</source>
        <translation>已存在</translation>
    </message>
    <message>
        <source>Cloudflare cookies</source>
        <translation>Cloudflare Cookie</translation>
    </message>
    <message>
        <source>New</source>
        <translation>新</translation>
    </message>
    <message>
        <source>Not understood: %1</source>
        <translation>无法识别：%1</translation>
    </message>
    <message>
        <source>Removed; it is not listed here</source>
        <translation>将移除；不在此列表中</translation>
    </message>
    <message>
        <source>The same account as %1</source>
        <translation>与 %1 是同一个账号</translation>
    </message>
    <message>
        <source>Updated: %1</source>
        <translation>将更新：%1</translation>
    </message>
    <message>
        <source>What happens</source>
        <translation>将会发生</translation>
    </message>
    <message>
        <source>Where</source>
        <translation>位置</translation>
    </message>
    <message>
        <source>mail address</source>
        <translation>邮箱地址</translation>
    </message>
    <message>
        <source>name</source>
        <translation>名称</translation>
    </message>
    <message>
        <source>new token</source>
        <translation>新令牌</translation>
    </message>
    <message>
        <source>note</source>
        <translation>备注</translation>
    </message>
    <message>
        <source>requests at once</source>
        <translation>同时请求数</translation>
    </message>
    <message>
        <source>steps done for adult content</source>
        <translation>已完成的成人内容步骤</translation>
    </message>
    <message>
        <source>tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>tier</source>
        <translation>等级</translation>
    </message>
    <message>
        <source>user id</source>
        <translation>用户 ID</translation>
    </message>
</context>
<context>
    <name>Preview</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Everything is in the file already. Nothing would be changed.</source>
        <translation>文件中已有全部内容，不会更改任何内容。</translation>
    </message>
    <message>
        <source>It is a link; the file itself is %1.</source>
        <translation>它是一个链接；文件本身是 %1。</translation>
    </message>
    <message>
        <source>Only these lines change. A copy of the file is kept first, and Undo takes out only what is added here.</source>
        <translation>只更改这些行。会先保留文件的副本，撤销只会去掉这里添加的内容。</translation>
    </message>
    <message>
        <source>Set up %1</source>
        <translation>设置 %1</translation>
    </message>
    <message>
        <source>The file also sets %1, which may be used instead. Remove it yourself if it does not work.</source>
        <translation>文件中还设置了 %1，可能会优先使用它。如果不起作用，请自行移除。</translation>
    </message>
    <message>
        <source>The file is made new. Undo removes it again.</source>
        <translation>将新建该文件。撤销会把它移除。</translation>
    </message>
    <message>
        <source>This would change</source>
        <translation>将会更改</translation>
    </message>
    <message>
        <source>What would change</source>
        <translation>将会更改的内容</translation>
    </message>
</context>
<context>
    <name>ProxiesPage</name>
    <message numerus="yes">
        <source>%n way(s) out added.</source>
        <translation>
            <numerusform>已添加 %n 个出口。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n way(s) out removed.</source>
        <translation>
            <numerusform>已移除 %n 个出口。</numerusform>
        </translation>
    </message>
    <message>
        <source>Add proxies…</source>
        <translation>添加代理…</translation>
    </message>
    <message>
        <source>As this computer is set</source>
        <translation>按这台电脑的设置</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Cancel the tests</source>
        <translation>取消测试</translation>
    </message>
    <message>
        <source>Connect:</source>
        <translation>连接方式：</translation>
    </message>
    <message>
        <source>Directly</source>
        <translation>直接连接</translation>
    </message>
    <message>
        <source>Grok sees the address of this computer. No proxy is used, whatever the system says.</source>
        <translation>Grok 会看到这台电脑的地址。无论系统如何设置，都不使用代理。</translation>
    </message>
    <message>
        <source>Look again</source>
        <translation>重新查看</translation>
    </message>
    <message>
        <source>No proxies yet</source>
        <translation>还没有代理</translation>
    </message>
    <message>
        <source>No way out yet</source>
        <translation>还没有出口</translation>
    </message>
    <message>
        <source>Nothing leaves through an empty list. Paste addresses of proxies, one or many.</source>
        <translation>列表为空，无法连接。请粘贴一个或多个代理地址。</translation>
    </message>
    <message>
        <source>One is used until it fails, then the next in the list. Drag a row to move it.</source>
        <translation>一直使用一个，失败后改用列表中的下一个。拖动行可以调整顺序。</translation>
    </message>
    <message>
        <source>One is used until it fails, then the next in the list. Files have a list of their own.</source>
        <translation>一直使用一个，失败后改用列表中的下一个。文件有自己的列表。</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Test all</source>
        <translation>全部测试</translation>
    </message>
    <message>
        <source>Tested %1 of %2</source>
        <translation>已测试 %1 / %2</translation>
    </message>
    <message>
        <source>The list for chat is empty, so nothing leaves. Add a proxy, or connect directly.</source>
        <translation>对话用的列表为空，无法连接。请添加代理，或选择直接连接。</translation>
    </message>
    <message>
        <source>The proxy this computer is set to, looked up every minute.</source>
        <translation>这台电脑设置的代理，每分钟查看一次。</translation>
    </message>
    <message>
        <source>The system&apos;s setting has not been read yet.</source>
        <translation>尚未读取系统的设置。</translation>
    </message>
    <message>
        <source>Through the proxies below</source>
        <translation>通过下方的代理</translation>
    </message>
    <message>
        <source>Ways out</source>
        <translation>出口</translation>
    </message>
    <message>
        <source>Which way requests leave</source>
        <translation>请求走哪个出口</translation>
    </message>
</context>
<context>
    <name>Quota</name>
    <message>
        <source>every %1</source>
        <translation>每 %1</translation>
    </message>
    <message>
        <source>full again in %1</source>
        <translation>%1后恢复满额</translation>
    </message>
    <message>
        <source>more in %1</source>
        <translation>%1后增加</translation>
    </message>
    <message>
        <source>not offered to this account</source>
        <translation>不向此账号提供</translation>
    </message>
    <message>
        <source>refused, left alone for %1</source>
        <translation>被拒绝，暂停使用 %1</translation>
    </message>
</context>
<context>
    <name>ReplaceToken</name>
    <message>
        <source>%1 has this token already.</source>
        <translation>%1 已有此令牌。</translation>
    </message>
    <message>
        <source>New token</source>
        <translation>新令牌</translation>
    </message>
    <message>
        <source>Replace the token</source>
        <translation>更换令牌</translation>
    </message>
    <message>
        <source>Replace token</source>
        <translation>更换令牌</translation>
    </message>
    <message>
        <source>Sign in at grok.com as %1 and paste the new cookie sso here. Name, tags and history stay.</source>
        <translation>请以 %1 登录 grok.com，并在此粘贴新的 sso Cookie。名称、标签和历史会保留。</translation>
    </message>
    <message>
        <source>These are several tokens. Paste that of this account alone.</source>
        <translation>这里有多个令牌。请只粘贴此账号的令牌。</translation>
    </message>
    <message>
        <source>This is no token: %1.</source>
        <translation>这不是令牌：%1。</translation>
    </message>
    <message>
        <source>This is the token it has already.</source>
        <translation>这就是它现有的令牌。</translation>
    </message>
</context>
<context>
    <name>Report</name>
    <message>
        <source>GrokDesk ran into a fault of its own.</source>
        <translation>GrokDesk 自身出现故障。</translation>
    </message>
    <message>
        <source>Something went wrong</source>
        <translation>出了点问题</translation>
    </message>
    <message>
        <source>The log says more. Trying again may help.</source>
        <translation>日志中有更多信息。再试一次也许有用。</translation>
    </message>
</context>
<context>
    <name>RequestDetails</name>
    <message>
        <source>%1 in, %2 out</source>
        <translation>输入 %1，输出 %2</translation>
    </message>
    <message>
        <source>%1. %2</source>
        <translation>%1。%2</translation>
    </message>
    <message>
        <source>%1. %2 (%3): %4</source>
        <translation>%1. %2（%3）：%4</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Answer</source>
        <translation>回答</translation>
    </message>
    <message>
        <source>App</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Copied. Put your key into the variable GROKDESK_KEY first.</source>
        <translation>已复制。请先把密钥放入变量 GROKDESK_KEY。</translation>
    </message>
    <message>
        <source>Copy as curl</source>
        <translation>复制为 curl</translation>
    </message>
    <message>
        <source>Copy request id</source>
        <translation>复制请求 ID</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Delete all kept…</source>
        <translation>删除全部保存的内容…</translation>
    </message>
    <message numerus="yes">
        <source>Delete the prompts and answers of %n request(s)?</source>
        <translation>
            <numerusform>删除 %n 个请求的提示词和回答？</numerusform>
        </translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详细信息</translation>
    </message>
    <message>
        <source>Details of the request</source>
        <translation>请求详细信息</translation>
    </message>
    <message>
        <source>Duration</source>
        <translation>时长</translation>
    </message>
    <message>
        <source>First word</source>
        <translation>首字</translation>
    </message>
    <message>
        <source>Format</source>
        <translation>格式</translation>
    </message>
    <message>
        <source>It was too long to be kept whole; this is its beginning.</source>
        <translation>内容过长，未能完整保存；这是开头部分。</translation>
    </message>
    <message>
        <source>Keep</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Mode</source>
        <translation>模式</translation>
    </message>
    <message>
        <source>Model behind the name</source>
        <translation>名称对应的模型</translation>
    </message>
    <message>
        <source>No account was asked.</source>
        <translation>没有使用任何账号。</translation>
    </message>
    <message>
        <source>Pieces</source>
        <translation>片段数</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message numerus="yes">
        <source>Prompts and answers of %n request(s) deleted.</source>
        <translation>
            <numerusform>已删除 %n 个请求的提示词和回答。</numerusform>
        </translation>
    </message>
    <message>
        <source>Request id</source>
        <translation>请求 ID</translation>
    </message>
    <message>
        <source>Request id copied.</source>
        <translation>已复制请求 ID。</translation>
    </message>
    <message>
        <source>Select a request to see how it went and every try.</source>
        <translation>选择一个请求，查看它的经过和每次尝试。</translation>
    </message>
    <message>
        <source>Stop this request</source>
        <translation>停止此请求</translation>
    </message>
    <message>
        <source>Stopped. The app is told that you ended it.</source>
        <translation>已停止。应用会得知是你结束的。</translation>
    </message>
    <message>
        <source>Streamed</source>
        <translation>流式</translation>
    </message>
    <message>
        <source>The list of requests stays. This cannot be undone.</source>
        <translation>请求列表会保留。此操作无法撤销。</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Token 数</translation>
    </message>
    <message>
        <source>Tries</source>
        <translation>各次尝试</translation>
    </message>
    <message>
        <source>Way out</source>
        <translation>出口</translation>
    </message>
    <message>
        <source>no</source>
        <translation>否</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>是</translation>
    </message>
</context>
<context>
    <name>Requests</name>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Answered</source>
        <translation>已回答</translation>
    </message>
    <message>
        <source>Answered.</source>
        <translation>已回答。</translation>
    </message>
    <message>
        <source>Anthropic Messages</source>
        <translation>Anthropic Messages</translation>
    </message>
    <message>
        <source>App</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Change the form of chat</source>
        <translation>更改对话形式</translation>
    </message>
    <message>
        <source>Change the signature</source>
        <translation>更改签名方式</translation>
    </message>
    <message>
        <source>Check Cloudflare</source>
        <translation>检查 Cloudflare</translation>
    </message>
    <message>
        <source>Duration</source>
        <translation>时长</translation>
    </message>
    <message>
        <source>GrokDesk itself</source>
        <translation>GrokDesk 自身</translation>
    </message>
    <message>
        <source>Image edits</source>
        <translation>图片编辑</translation>
    </message>
    <message>
        <source>Image variations</source>
        <translation>图片变体</translation>
    </message>
    <message>
        <source>Images</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Is being asked.</source>
        <translation>正在询问。</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Nobody else was asked; the app heard of it.</source>
        <translation>没有再询问其他账号；应用已得知失败。</translation>
    </message>
    <message>
        <source>OpenAI Chat Completions</source>
        <translation>OpenAI Chat Completions</translation>
    </message>
    <message>
        <source>OpenAI Completions</source>
        <translation>OpenAI Completions</translation>
    </message>
    <message>
        <source>OpenAI Responses</source>
        <translation>OpenAI Responses</translation>
    </message>
    <message>
        <source>OpenAI Responses, compact</source>
        <translation>OpenAI Responses（compact）</translation>
    </message>
    <message>
        <source>Pieces</source>
        <translation>片段数</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>Show the accounts</source>
        <translation>显示账号</translation>
    </message>
    <message>
        <source>Show the log</source>
        <translation>显示日志</translation>
    </message>
    <message>
        <source>Show this account</source>
        <translation>显示此账号</translation>
    </message>
    <message>
        <source>Show this way out</source>
        <translation>显示此出口</translation>
    </message>
    <message>
        <source>Somebody else is looked for.</source>
        <translation>正在寻找其他账号。</translation>
    </message>
    <message>
        <source>The app left before the end.</source>
        <translation>应用在结束前断开了。</translation>
    </message>
    <message>
        <source>Then another account was asked.</source>
        <translation>随后询问了另一个账号。</translation>
    </message>
    <message>
        <source>Then the same account took another way out.</source>
        <translation>随后同一账号改走另一个出口。</translation>
    </message>
    <message>
        <source>Then the same was tried once more.</source>
        <translation>随后又尝试了一次。</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Token 数</translation>
    </message>
    <message>
        <source>Videos</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>You stopped it.</source>
        <translation>你停止了它。</translation>
    </message>
    <message>
        <source>again</source>
        <translation>再次</translation>
    </message>
    <message>
        <source>other account</source>
        <translation>其他账号</translation>
    </message>
    <message>
        <source>other way out</source>
        <translation>其他出口</translation>
    </message>
</context>
<context>
    <name>RequestsPane</name>
    <message>
        <source>Live</source>
        <translation>实时</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>页面</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Usage</source>
        <translation>用量</translation>
    </message>
</context>
<context>
    <name>Results</name>
    <message numerus="yes">
        <source>%n account(s) failed.</source>
        <translation>
            <numerusform>%n 个账号失败。</numerusform>
        </translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Close</source>
        <translation>关闭</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>Results</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>Retry these</source>
        <translation>重试这些</translation>
    </message>
</context>
<context>
    <name>SecretControl</name>
    <message>
        <source>Enter</source>
        <translation>输入</translation>
    </message>
    <message>
        <source>Enter %1</source>
        <translation>输入%1</translation>
    </message>
    <message>
        <source>Hide</source>
        <translation>隐藏</translation>
    </message>
    <message>
        <source>Hide %1</source>
        <translation>隐藏%1</translation>
    </message>
    <message>
        <source>Not set</source>
        <translation>未设置</translation>
    </message>
    <message>
        <source>Replace</source>
        <translation>更换</translation>
    </message>
    <message>
        <source>Replace %1</source>
        <translation>更换%1</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Show %1</source>
        <translation>显示%1</translation>
    </message>
</context>
<context>
    <name>SettingRow</name>
    <message>
        <source>Changed</source>
        <translation>已更改</translation>
    </message>
    <message>
        <source>Fixed</source>
        <translation>已固定</translation>
    </message>
    <message>
        <source>It was changed elsewhere meanwhile. Saving puts yours in its place.</source>
        <translation>此项刚在别处被更改。保存会以你的值为准。</translation>
    </message>
    <message>
        <source>It was changed to %1 elsewhere meanwhile. Saving puts yours in its place.</source>
        <translation>此项刚在别处被改为 %1。保存会以你的值为准。</translation>
    </message>
    <message>
        <source>Needs a restart</source>
        <translation>需要重新启动</translation>
    </message>
    <message>
        <source>Not saved</source>
        <translation>未保存</translation>
    </message>
    <message>
        <source>Put “%1” back to %2</source>
        <translation>将“%1”恢复为 %2</translation>
    </message>
    <message>
        <source>Put “%1” back to how it comes, which is empty</source>
        <translation>将“%1”恢复为初始值（空）</translation>
    </message>
    <message>
        <source>Set by %1, which comes before the file. It cannot be changed here.</source>
        <translation>由 %1 设定，它优先于设置文件。无法在这里更改。</translation>
    </message>
</context>
<context>
    <name>Settings</name>
    <message>
        <source>A FlareSolverr you run, such as http://127.0.0.1:8191.</source>
        <translation>你运行的 FlareSolverr，例如 http://127.0.0.1:8191。</translation>
    </message>
    <message>
        <source>A time such as 07:00.</source>
        <translation>时间，例如 07:00。</translation>
    </message>
    <message>
        <source>A time such as 22:30. Hours are quiet when both times are given.</source>
        <translation>时间，例如 22:30。两个时间都填写后，其间保持安静。</translation>
    </message>
    <message>
        <source>Account check</source>
        <translation>账号检查</translation>
    </message>
    <message>
        <source>Accounts address</source>
        <translation>账号地址</translation>
    </message>
    <message>
        <source>Accounts need you</source>
        <translation>有账号待处理</translation>
    </message>
    <message>
        <source>Address</source>
        <translation>地址</translation>
    </message>
    <message>
        <source>Address of the notice</source>
        <translation>版本通知的地址</translation>
    </message>
    <message>
        <source>Adult content</source>
        <translation>成人内容</translation>
    </message>
    <message>
        <source>All accounts are resting</source>
        <translation>所有账号都在冷却</translation>
    </message>
    <message>
        <source>Allowed web origins</source>
        <translation>允许的网页来源</translation>
    </message>
    <message>
        <source>Answer in another mode</source>
        <translation>改用其他模式回答</translation>
    </message>
    <message>
        <source>Answer the client after</source>
        <translation>多久后先应答客户端</translation>
    </message>
    <message>
        <source>Apps cannot connect until it is solved.</source>
        <translation>解决之前，应用无法连接。</translation>
    </message>
    <message>
        <source>As a link, or as an HTML player, to the file kept here or to Grok&apos;s own address.</source>
        <translation>以链接或 HTML 播放器的形式，指向保存在这里的文件或 Grok 自己的地址。</translation>
    </message>
    <message>
        <source>As copied from the browser that passed the check; only Cloudflare&apos;s own are sent.</source>
        <translation>从通过验证的浏览器中复制；只会发送 Cloudflare 自己的部分。</translation>
    </message>
    <message>
        <source>Ask Grok for tier and quota of accounts as they are added.</source>
        <translation>添加账号时向 Grok 询问其等级和额度。</translation>
    </message>
    <message>
        <source>Ask Grok not to hold back adult pictures. What it withholds stays withheld.</source>
        <translation>请 Grok 不要屏蔽成人图片。它不予显示的内容仍然不会显示。</translation>
    </message>
    <message>
        <source>Ask Grok now and then what accounts have left: by tier, after use, and after a refusal.</source>
        <translation>不时向 Grok 询问账号的剩余额度：按等级、使用之后以及被拒绝之后。</translation>
    </message>
    <message>
        <source>Ask for a key</source>
        <translation>要求密钥</translation>
    </message>
    <message>
        <source>Asked for fingerprints in signer mode. It never receives cookies.</source>
        <translation>在签名服务模式下向它请求指纹。它永远不会收到 Cookie。</translation>
    </message>
    <message>
        <source>Changed keys</source>
        <translation>更改过的快捷键</translation>
    </message>
    <message>
        <source>Check accounts regularly</source>
        <translation>定期检查账号</translation>
    </message>
    <message>
        <source>Check basic accounts every</source>
        <translation>Basic 账号检查间隔</translation>
    </message>
    <message>
        <source>Check heavy accounts every</source>
        <translation>Heavy 账号检查间隔</translation>
    </message>
    <message>
        <source>Check new accounts</source>
        <translation>检查新账号</translation>
    </message>
    <message>
        <source>Check super accounts every</source>
        <translation>Super 账号检查间隔</translation>
    </message>
    <message>
        <source>Checks a minute</source>
        <translation>每分钟检查数</translation>
    </message>
    <message>
        <source>Checks at once</source>
        <translation>同时检查数</translation>
    </message>
    <message>
        <source>Choose by</source>
        <translation>选择方式</translation>
    </message>
    <message>
        <source>Clean up</source>
        <translation>清理</translation>
    </message>
    <message>
        <source>Clean up after</source>
        <translation>清理前等待</translation>
    </message>
    <message>
        <source>Cloudflare</source>
        <translation>Cloudflare</translation>
    </message>
    <message>
        <source>Cloudflare cookies</source>
        <translation>Cloudflare Cookie</translation>
    </message>
    <message>
        <source>Connect</source>
        <translation>连接方式</translation>
    </message>
    <message>
        <source>Continue conversations</source>
        <translation>延续对话</translation>
    </message>
    <message>
        <source>Daily backups</source>
        <translation>每日备份</translation>
    </message>
    <message>
        <source>Days after its last use when a kept answer is forgotten.</source>
        <translation>保存的回答在最后一次使用多少天后删除。</translation>
    </message>
    <message>
        <source>Days after which a kept prompt and its answer are forgotten.</source>
        <translation>保存的提示词和回答在多少天后删除。</translation>
    </message>
    <message>
        <source>Days an account has to be dead for that.</source>
        <translation>账号失效满多少天后清理。</translation>
    </message>
    <message>
        <source>Days for which a deleted file can be brought back.</source>
        <translation>已删除的文件在多少天内可以恢复。</translation>
    </message>
    <message>
        <source>Days kept</source>
        <translation>保留天数</translation>
    </message>
    <message>
        <source>Download of one file</source>
        <translation>下载单个文件</translation>
    </message>
    <message>
        <source>Editors are configured with it, so it is never changed silently. 0 picks a free one.</source>
        <translation>编辑器中配置了它，因此绝不会自动更改。0 表示选择空闲端口。</translation>
    </message>
    <message>
        <source>Empty: a file in the data folder. For several gateways: the address of a PostgreSQL, MySQL, MariaDB or Redis server, such as postgresql://name:password@host/grokdesk.</source>
        <translation>留空：使用数据文件夹中的文件。多个网关共用时：PostgreSQL、MySQL、MariaDB 或 Redis 服务器的地址，例如 postgresql://name:password@host/grokdesk。</translation>
    </message>
    <message>
        <source>Every web page can reach this computer&apos;s own addresses; the key keeps them out. Can only be switched off on a loopback address.</source>
        <translation>任何网页都能访问这台电脑自己的地址，密钥可以把它们挡在外面。只有在回环地址上才能关闭。</translation>
    </message>
    <message>
        <source>Fetch attachments from private networks</source>
        <translation>从专用网络获取附件</translation>
    </message>
    <message>
        <source>Files address</source>
        <translation>文件地址</translation>
    </message>
    <message>
        <source>Films in answers</source>
        <translation>回答中的视频</translation>
    </message>
    <message>
        <source>Films kept</source>
        <translation>视频保留量</translation>
    </message>
    <message>
        <source>First sign of an answer</source>
        <translation>首个应答</translation>
    </message>
    <message>
        <source>Fixed fingerprint</source>
        <translation>固定指纹</translation>
    </message>
    <message>
        <source>For programs that insist on a name of theirs, such as gpt-4o = grok-4.20-auto.</source>
        <translation>供坚持使用自有名称的程序使用，例如 gpt-4o = grok-4.20-auto。</translation>
    </message>
    <message>
        <source>Form of chat</source>
        <translation>对话形式</translation>
    </message>
    <message>
        <source>Form of requests</source>
        <translation>请求形式</translation>
    </message>
    <message>
        <source>Further host names</source>
        <translation>其他主机名</translation>
    </message>
    <message>
        <source>Further tries</source>
        <translation>额外尝试次数</translation>
    </message>
    <message>
        <source>Go on in the same conversation of the same account when a client sends a history that was answered here within the hour; otherwise Grok is told the whole history every time.</source>
        <translation>客户端发来的历史如果在一小时内由这里回答过，就在同一账号的同一对话中继续；否则每次都把完整历史告诉 Grok。</translation>
    </message>
    <message>
        <source>Grok address</source>
        <translation>Grok 地址</translation>
    </message>
    <message>
        <source>Heartbeat</source>
        <translation>心跳</translation>
    </message>
    <message>
        <source>High contrast</source>
        <translation>高对比度</translation>
    </message>
    <message>
        <source>Host names besides localhost under which clients reach the gateway.</source>
        <translation>除 localhost 外，客户端访问网关时使用的主机名。</translation>
    </message>
    <message>
        <source>How accounts are chosen and kept.</source>
        <translation>如何选择和保留账号。</translation>
    </message>
    <message>
        <source>How conversations are held.</source>
        <translation>如何进行对话。</translation>
    </message>
    <message>
        <source>How it looks.</source>
        <translation>界面的样子。</translation>
    </message>
    <message>
        <source>How long to wait, in seconds.</source>
        <translation>等待时间，以秒为单位。</translation>
    </message>
    <message>
        <source>How many accounts are checked at the same time.</source>
        <translation>同时检查多少个账号。</translation>
    </message>
    <message>
        <source>How many accounts are checked by themselves in a minute, so that it is never a herd.</source>
        <translation>每分钟自动检查多少个账号，以免一拥而上。</translation>
    </message>
    <message>
        <source>How many answers of the Responses API, and of chat completions that ask for it, are kept, sealed, so that clients can continue from them. 0 keeps none.</source>
        <translation>加密保存多少个 Responses API 的回答，以及要求保存的聊天补全回答，以便客户端接着使用。0 表示不保存。</translation>
    </message>
    <message>
        <source>How many daily copies of the store are kept in the folder `backups`. 0 makes none.</source>
        <translation>在 `backups` 文件夹中保留多少份存储的每日副本。0 表示不备份。</translation>
    </message>
    <message>
        <source>How many more accounts may be asked before the client hears of a failure.</source>
        <translation>在客户端得知失败之前，还可以询问多少个账号。</translation>
    </message>
    <message>
        <source>How many past requests the list keeps. Never prompts or answers.</source>
        <translation>列表保留多少个过去的请求。不包含提示词和回答。</translation>
    </message>
    <message>
        <source>How many requests one account serves at once.</source>
        <translation>一个账号同时处理多少个请求。</translation>
    </message>
    <message>
        <source>In MB. Above this the oldest are deleted until 60 % remain, but no favourites. 0 keeps all.</source>
        <translation>以 MB 为单位。超过后从最早的开始删除，直到剩下 60 %，收藏除外。0 表示全部保留。</translation>
    </message>
    <message>
        <source>Instruction</source>
        <translation>指令</translation>
    </message>
    <message>
        <source>Keep prompts and answers</source>
        <translation>保存提示词和回答</translation>
    </message>
    <message>
        <source>Keep the solver&apos;s browser open</source>
        <translation>保持求解器的浏览器打开</translation>
    </message>
    <message>
        <source>Keep what apps send and what they are answered, sealed, so that Requests can show it. Off: not a word of it is written down there.</source>
        <translation>加密保存应用发送的内容和得到的回答，以便在“请求”中查看。关闭时：不会记录其中任何一个字。</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Larger bodies are refused, in MB.</source>
        <translation>拒绝更大的请求体，以 MB 为单位。</translation>
    </message>
    <message>
        <source>Largest request</source>
        <translation>最大请求</translation>
    </message>
    <message>
        <source>Leave no conversation in the account&apos;s history.</source>
        <translation>不在账号的历史记录中留下对话。</translation>
    </message>
    <message>
        <source>Let Grok use what it remembers of the account&apos;s owner.</source>
        <translation>允许 Grok 使用它对账号主人的记忆。</translation>
    </message>
    <message>
        <source>Let clients name attachments on this computer or in the local network by address.</source>
        <translation>允许客户端用地址引用这台电脑或本地网络中的附件。</translation>
    </message>
    <message>
        <source>Level</source>
        <translation>级别</translation>
    </message>
    <message>
        <source>Links such as grokdesk://open/requests in other programs show a place here.</source>
        <translation>其他程序中的 grokdesk://open/requests 之类的链接会在这里打开对应位置。</translation>
    </message>
    <message>
        <source>Listed first</source>
        <translation>优先列出</translation>
    </message>
    <message>
        <source>Listen on this address. Anything but a loopback address lets other devices connect and needs a key.</source>
        <translation>在此地址上监听。除回环地址外，其他地址都会允许其他设备连接，并且需要密钥。</translation>
    </message>
    <message>
        <source>Long work has ended</source>
        <translation>耗时任务已结束</translation>
    </message>
    <message>
        <source>Look for new versions</source>
        <translation>查找新版本</translation>
    </message>
    <message>
        <source>Looking for a new version of GrokDesk.</source>
        <translation>查找 GrokDesk 的新版本。</translation>
    </message>
    <message>
        <source>Models switched off</source>
        <translation>已关闭的模型</translation>
    </message>
    <message>
        <source>Must be that of the browser the cookies came from.</source>
        <translation>必须与获得 Cookie 的浏览器一致。</translation>
    </message>
    <message>
        <source>Names in the order in which they are listed; the rest follows.</source>
        <translation>按列出顺序填写名称；其余的排在后面。</translation>
    </message>
    <message>
        <source>No account is checked again by itself sooner than these seconds after the last time.</source>
        <translation>距上次检查不足此秒数时，不会自动再次检查该账号。</translation>
    </message>
    <message>
        <source>Of a small JSON file with &quot;version&quot;, &quot;url&quot; and &quot;notes&quot;. Asked through the proxy of the system.</source>
        <translation>含有“version”“url”和“notes”的小型 JSON 文件的地址。通过系统代理访问。</translation>
    </message>
    <message>
        <source>Of the size that the system uses.</source>
        <translation>相对于系统使用的大小。</translation>
    </message>
    <message>
        <source>Of the windows and of the tray. What apps are told stays English.</source>
        <translation>用于窗口和托盘。应用收到的内容仍为英文。</translation>
    </message>
    <message>
        <source>Once a day, at the address below. Nothing is told to it, and nothing is installed by itself.</source>
        <translation>每天一次，访问下方的地址。不会告知任何信息，也不会自行安装任何东西。</translation>
    </message>
    <message>
        <source>One browser for each proxy: faster when it is asked often, and takes its memory.</source>
        <translation>每个代理一个浏览器：频繁使用时更快，但占用内存。</translation>
    </message>
    <message>
        <source>One film</source>
        <translation>单个视频</translation>
    </message>
    <message>
        <source>Only for a proxy of your own.</source>
        <translation>仅用于你自己的代理。</translation>
    </message>
    <message>
        <source>Only the tray icon, if there is a tray.</source>
        <translation>有托盘时仅显示托盘图标。</translation>
    </message>
    <message>
        <source>Open grokdesk links</source>
        <translation>打开 grokdesk 链接</translation>
    </message>
    <message>
        <source>Other names</source>
        <translation>别名</translation>
    </message>
    <message>
        <source>Pass on Grok&apos;s thinking when a request does not say. In Anthropic&apos;s format it has to be asked for, as at Anthropic.</source>
        <translation>请求没有说明时，传递 Grok 的思考过程。在 Anthropic 格式中必须明确要求，与 Anthropic 一致。</translation>
    </message>
    <message>
        <source>Pause between checks</source>
        <translation>检查之间的间隔</translation>
    </message>
    <message>
        <source>Pictures and films.</source>
        <translation>图片和视频。</translation>
    </message>
    <message>
        <source>Pictures in answers</source>
        <translation>回答中的图片</translation>
    </message>
    <message>
        <source>Pictures kept</source>
        <translation>图片保留量</translation>
    </message>
    <message>
        <source>Pictures of one request</source>
        <translation>单个请求的图片</translation>
    </message>
    <message>
        <source>Port</source>
        <translation>端口</translation>
    </message>
    <message>
        <source>Prompts and answers kept for</source>
        <translation>提示词和回答保留时间</translation>
    </message>
    <message>
        <source>Proxies</source>
        <translation>代理</translation>
    </message>
    <message>
        <source>Proxies for files</source>
        <translation>文件代理</translation>
    </message>
    <message>
        <source>Public images address</source>
        <translation>公开图片地址</translation>
    </message>
    <message>
        <source>Quiet from</source>
        <translation>安静开始时间</translation>
    </message>
    <message>
        <source>Quiet until</source>
        <translation>安静结束时间</translation>
    </message>
    <message>
        <source>Renew the clearance every</source>
        <translation>通行凭证续期间隔</translation>
    </message>
    <message>
        <source>Request fingerprint</source>
        <translation>请求指纹</translation>
    </message>
    <message>
        <source>Requests listed</source>
        <translation>列出的请求数</translation>
    </message>
    <message>
        <source>Requests per account</source>
        <translation>每个账号的请求数</translation>
    </message>
    <message>
        <source>Responses kept</source>
        <translation>保存的回答数</translation>
    </message>
    <message>
        <source>Responses kept for</source>
        <translation>回答保留时间</translation>
    </message>
    <message>
        <source>Seconds a request waits for a new clearance before it fails, saying why.</source>
        <translation>请求等待新通行凭证的秒数，超过后失败并说明原因。</translation>
    </message>
    <message>
        <source>Seconds a request waits when every account that could answer is busy.</source>
        <translation>所有能够回答的账号都忙时，请求等待的秒数。</translation>
    </message>
    <message>
        <source>Seconds after which a clearance in use is renewed before it ends. 0: only when refused.</source>
        <translation>使用中的通行凭证在多少秒后提前续期。0 表示仅在被拒绝时续期。</translation>
    </message>
    <message>
        <source>Seconds between two checks of a basic account that is not used.</source>
        <translation>两次检查未使用的 Basic 账号之间的秒数。</translation>
    </message>
    <message>
        <source>Seconds between two checks of a heavy account that is not used.</source>
        <translation>两次检查未使用的 Heavy 账号之间的秒数。</translation>
    </message>
    <message>
        <source>Seconds between two checks of a super account that is not used.</source>
        <translation>两次检查未使用的 Super 账号之间的秒数。</translation>
    </message>
    <message>
        <source>Seconds of silence after which a stream gets a sign of life.</source>
        <translation>无内容多少秒后，向流发送一次心跳。</translation>
    </message>
    <message>
        <source>Seconds the solver may take.</source>
        <translation>求解器可用的秒数。</translation>
    </message>
    <message>
        <source>Sent with every conversation.</source>
        <translation>随每次对话发送。</translation>
    </message>
    <message>
        <source>Shared store</source>
        <translation>共享存储</translation>
    </message>
    <message>
        <source>Show thinking</source>
        <translation>显示思考过程</translation>
    </message>
    <message>
        <source>Signed out, or blocked by Grok.</source>
        <translation>登录失效，或被 Grok 封禁。</translation>
    </message>
    <message>
        <source>Signer address</source>
        <translation>签名服务地址</translation>
    </message>
    <message>
        <source>Silence in an answer</source>
        <translation>回答中的静默</translation>
    </message>
    <message>
        <source>Solver address</source>
        <translation>求解器地址</translation>
    </message>
    <message>
        <source>Solver time limit</source>
        <translation>求解器时限</translation>
    </message>
    <message>
        <source>Start hidden</source>
        <translation>启动时隐藏</translation>
    </message>
    <message>
        <source>Start the gateway</source>
        <translation>启动网关</translation>
    </message>
    <message>
        <source>Stronger edges and text. On by itself while the system asks for it.</source>
        <translation>更清晰的边框和文字。系统要求时会自动开启。</translation>
    </message>
    <message>
        <source>Switch off, or remove, accounts that have been signed out or blocked for long.</source>
        <translation>停用或移除长期登录失效或被封禁的账号。</translation>
    </message>
    <message>
        <source>Team key</source>
        <translation>团队密钥</translation>
    </message>
    <message>
        <source>Temporary conversations</source>
        <translation>临时对话</translation>
    </message>
    <message>
        <source>Text size in percent</source>
        <translation>文字大小（百分比）</translation>
    </message>
    <message>
        <source>The Grok web service. Addresses are settings so that a mirror or a simulator is one line.</source>
        <translation>Grok 网页服务。地址都是设置项，换成镜像或模拟器只需改一行。</translation>
    </message>
    <message>
        <source>The gateway failed</source>
        <translation>网关出现故障</translation>
    </message>
    <message>
        <source>The passphrase that seals what is in a shared store; the same on every gateway.</source>
        <translation>用于加密共享存储中内容的口令；每个网关上必须相同。</translation>
    </message>
    <message>
        <source>The same for films, in MB.</source>
        <translation>视频同理，以 MB 为单位。</translation>
    </message>
    <message>
        <source>The way from this machine to Grok.</source>
        <translation>从这台电脑到 Grok 的路径。</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>There is a new version</source>
        <translation>有新版本</translation>
    </message>
    <message>
        <source>They are not listed, and asking for one is an error that says so.</source>
        <translation>它们不会列出，请求它们会得到说明此情况的错误。</translation>
    </message>
    <message>
        <source>Tray icon</source>
        <translation>托盘图标</translation>
    </message>
    <message>
        <source>Trust any proxy certificate</source>
        <translation>信任任何代理证书</translation>
    </message>
    <message>
        <source>Undo of deletions</source>
        <translation>撤销删除</translation>
    </message>
    <message>
        <source>Use Grok&apos;s memory</source>
        <translation>使用 Grok 的记忆</translation>
    </message>
    <message>
        <source>Used for pictures, videos and uploads instead of the others. None: as for chat.</source>
        <translation>图片、视频和上传改用这些代理。留空：与对话相同。</translation>
    </message>
    <message>
        <source>Used in manual mode: 70 bytes in base64.</source>
        <translation>在固定值模式下使用：70 字节的 base64。</translation>
    </message>
    <message>
        <source>User agent</source>
        <translation>用户代理</translation>
    </message>
    <message>
        <source>Voice address</source>
        <translation>语音地址</translation>
    </message>
    <message>
        <source>Wait for a free account</source>
        <translation>等待空闲账号</translation>
    </message>
    <message>
        <source>Wait for the solver</source>
        <translation>等待求解器</translation>
    </message>
    <message>
        <source>Web pages that may call the gateway, such as http://localhost:3000.</source>
        <translation>可以调用网关的网页，例如 http://localhost:3000。</translation>
    </message>
    <message>
        <source>What clients are offered.</source>
        <translation>向客户端提供的内容。</translation>
    </message>
    <message>
        <source>What happens at start.</source>
        <translation>启动时的行为。</translation>
    </message>
    <message>
        <source>What happens when an account or a way out fails.</source>
        <translation>账号或出口失败时的行为。</translation>
    </message>
    <message>
        <source>What is done, and the keys for it, such as palette = Ctrl+P. Nothing behind the sign: no keys. F1 shows all keys and changes them.</source>
        <translation>操作及其快捷键，例如 palette = Ctrl+P。等号后留空：没有快捷键。按 F1 可查看和更改所有快捷键。</translation>
    </message>
    <message>
        <source>What is kept.</source>
        <translation>保留哪些内容。</translation>
    </message>
    <message>
        <source>What is written to the log.</source>
        <translation>写入日志的内容。</translation>
    </message>
    <message>
        <source>What the desktop is told of while nobody looks at the window.</source>
        <translation>没有人查看窗口时，桌面会收到哪些通知。</translation>
    </message>
    <message>
        <source>When Grok has accepted but is still silent, the client gets headers and heartbeats after this time.</source>
        <translation>Grok 已接受但仍无内容时，客户端在此时间后收到响应头和心跳。</translation>
    </message>
    <message>
        <source>When auto is used up, answer with fast, then expert.</source>
        <translation>auto 用完后，改用 fast 回答，再改用 expert。</translation>
    </message>
    <message>
        <source>Where accounts, keys and kept answers are.</source>
        <translation>账号、密钥和保存的回答所在的位置。</translation>
    </message>
    <message>
        <source>Where editors and programs connect.</source>
        <translation>编辑器和程序连接的地方。</translation>
    </message>
    <message>
        <source>Where the x-statsig-id header comes from. There is no signer by default.</source>
        <translation>x-statsig-id 请求头的来源。默认没有签名服务。</translation>
    </message>
    <message>
        <source>Which keys do what, where that differs from how it comes.</source>
        <translation>哪个快捷键做什么，仅列出与初始设置不同的。</translation>
    </message>
    <message>
        <source>While the window was hidden; half a minute or more.</source>
        <translation>窗口隐藏期间，持续半分钟以上的任务。</translation>
    </message>
    <message>
        <source>Whole answer</source>
        <translation>整个回答</translation>
    </message>
    <message>
        <source>With the time when the first one is back.</source>
        <translation>附带最早恢复的时间。</translation>
    </message>
    <message>
        <source>auto guesses whether the panel is dark; light, dark and colour are drawn as they say.</source>
        <translation>auto 会猜测面板是否为深色；light、dark 和 colour 则按所说绘制。</translation>
    </message>
    <message>
        <source>auto starts with the message gateway and falls back to rest when Grok does not know it.</source>
        <translation>auto 先使用消息网关，Grok 不认识时改用 rest。</translation>
    </message>
    <message>
        <source>auto uses what is best known to work, and the other form when Grok does not know that one.</source>
        <translation>auto 使用目前最可靠的形式，Grok 不认识时改用另一种。</translation>
    </message>
    <message>
        <source>http, https, socks4 or socks5 addresses, or direct. One is used until it fails, then the next. {account} in a user name stands for a name of each account&apos;s own.</source>
        <translation>http、https、socks4 或 socks5 地址，或 direct。一直使用一个，失败后改用下一个。用户名中的 {account} 代表每个账号各自的名称。</translation>
    </message>
    <message>
        <source>local_md and local_url link to the file kept here, grok_md and grok_url to Grok&apos;s own address, which opens only for the account that made it; base64 puts the picture into the text.</source>
        <translation>local_md 和 local_url 链接到保存在这里的文件；grok_md 和 grok_url 链接到 Grok 自己的地址，只有生成它的账号才能打开；base64 把图片放入文本中。</translation>
    </message>
    <message>
        <source>none, cookies pasted by hand, or a solver you run.</source>
        <translation>不处理、手动粘贴 Cookie，或使用你运行的求解器。</translation>
    </message>
    <message>
        <source>quota prefers the account with most left; random spreads evenly.</source>
        <translation>quota 优先选择剩余最多的账号；random 平均分配。</translation>
    </message>
</context>
<context>
    <name>SettingsPane</name>
    <message>
        <source>%1 !</source>
        <translation>%1 !</translation>
    </message>
    <message>
        <source>%1 •</source>
        <translation>%1 •</translation>
    </message>
    <message numerus="yes">
        <source>%1, %n unsaved change(s)</source>
        <translation>
            <numerusform>%1，%n 项未保存的更改</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%1, and %n cannot be saved. %2: %3</source>
        <translation>
            <numerusform>%1，其中 %n 项无法保存。%2：%3</numerusform>
        </translation>
    </message>
    <message>
        <source>%1, and one cannot be saved. %2: %3</source>
        <translation>%1，其中一项无法保存。%2：%3</translation>
    </message>
    <message numerus="yes">
        <source>%n change(s) discarded.</source>
        <translation>
            <numerusform>已放弃 %n 项更改。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n setting(s) as before.</source>
        <translation>
            <numerusform>%n 项设置已恢复原样。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n setting(s) found</source>
        <translation>
            <numerusform>找到 %n 项设置</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n setting(s) of the file differ. Save to keep them.</source>
        <translation>
            <numerusform>文件中有 %n 项设置不同。请保存以保留。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n setting(s) put back. Save to keep it.</source>
        <translation>
            <numerusform>%n 项设置已恢复初始值。请保存以保留。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n setting(s) saved.</source>
        <translation>
            <numerusform>已保存 %n 项设置。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n setting(s) written to %1.</source>
        <translation>
            <numerusform>已将 %n 项设置写入 %1。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n unsaved change(s)</source>
        <translation>
            <numerusform>%n 项未保存的更改</numerusform>
        </translation>
    </message>
    <message>
        <source>, </source>
        <translation>，</translation>
    </message>
    <message>
        <source>All of them are as they come.</source>
        <translation>全部都是初始设置。</translation>
    </message>
    <message>
        <source>Anyone on this network who has a key can use your accounts. They connect to http://%1:%2/v1.</source>
        <translation>此网络中任何拥有密钥的人都可以使用你的账号。他们连接的地址是 http://%1:%2/v1。</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Choose a place…</source>
        <translation>选择位置…</translation>
    </message>
    <message>
        <source>Clear the search</source>
        <translation>清除搜索</translation>
    </message>
    <message>
        <source>Discard</source>
        <translation>放弃</translation>
    </message>
    <message>
        <source>Export settings</source>
        <translation>导出设置</translation>
    </message>
    <message>
        <source>Export the settings?</source>
        <translation>导出设置？</translation>
    </message>
    <message>
        <source>Export…</source>
        <translation>导出…</translation>
    </message>
    <message>
        <source>Find a setting</source>
        <translation>查找设置</translation>
    </message>
    <message>
        <source>Find a setting by name, help or place in the file</source>
        <translation>按名称、说明或文件中的位置查找设置</translation>
    </message>
    <message>
        <source>Import settings</source>
        <translation>导入设置</translation>
    </message>
    <message>
        <source>Import…</source>
        <translation>导入…</translation>
    </message>
    <message>
        <source>Keys…</source>
        <translation>快捷键…</translation>
    </message>
    <message>
        <source>Let other devices connect?</source>
        <translation>允许其他设备连接？</translation>
    </message>
    <message>
        <source>Let them connect</source>
        <translation>允许连接</translation>
    </message>
    <message>
        <source>More</source>
        <translation>更多</translation>
    </message>
    <message>
        <source>No program opens it. Its place is in the clipboard now.</source>
        <translation>没有程序可以打开它。它的位置已复制到剪贴板。</translation>
    </message>
    <message>
        <source>No setting matches</source>
        <translation>没有符合的设置</translation>
    </message>
    <message>
        <source>Not now</source>
        <translation>暂不</translation>
    </message>
    <message>
        <source>Not saved.</source>
        <translation>未保存。</translation>
    </message>
    <message>
        <source>Nothing is called “%1” or speaks of it.</source>
        <translation>没有名为“%1”或提到它的设置。</translation>
    </message>
    <message>
        <source>Open the file</source>
        <translation>打开文件</translation>
    </message>
    <message>
        <source>Put everything back to how it comes</source>
        <translation>全部恢复为初始设置</translation>
    </message>
    <message>
        <source>Put these back to how they come</source>
        <translation>将这些恢复为初始设置</translation>
    </message>
    <message>
        <source>Restart</source>
        <translation>重新启动</translation>
    </message>
    <message>
        <source>Restart the gateway</source>
        <translation>重新启动网关</translation>
    </message>
    <message numerus="yes">
        <source>Restart the gateway with %n request(s) running?</source>
        <translation>
            <numerusform>有 %n 个请求正在运行，仍要重新启动网关？</numerusform>
        </translation>
    </message>
    <message>
        <source>Save</source>
        <translation>保存</translation>
    </message>
    <message>
        <source>Saved, and used as soon as GrokDesk starts again: %1.</source>
        <translation>已保存，GrokDesk 下次启动时生效：%1。</translation>
    </message>
    <message>
        <source>Saved, and used as soon as the gateway starts again: %1.</source>
        <translation>已保存，网关下次启动时生效：%1。</translation>
    </message>
    <message>
        <source>Saving…</source>
        <translation>正在保存…</translation>
    </message>
    <message>
        <source>Settings</source>
        <translation>设置</translation>
    </message>
    <message>
        <source>Settings (*.toml)</source>
        <translation>设置 (*.toml)</translation>
    </message>
    <message>
        <source>Settings (*.toml);;All files (*)</source>
        <translation>设置 (*.toml);;所有文件 (*)</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>Show what cannot be saved</source>
        <translation>显示无法保存的项</translation>
    </message>
    <message>
        <source>The apps that wait for them will see a broken answer.</source>
        <translation>等待回答的应用会收到不完整的回答。</translation>
    </message>
    <message>
        <source>The file has nothing that is not set already.</source>
        <translation>文件中的内容都已设置。</translation>
    </message>
    <message>
        <source>What you changed is written into a TOML file that GrokDesk can import elsewhere.</source>
        <translation>你更改过的内容会写入 TOML 文件，可在其他 GrokDesk 中导入。</translation>
    </message>
    <message>
        <source>With proxies, cookies and passwords, readable for whoever has the file</source>
        <translation>包括代理、Cookie 和密码，拿到文件的人都能读取</translation>
    </message>
    <message>
        <source>the demo</source>
        <translation>演示</translation>
    </message>
    <message numerus="yes">
        <source>…and %n more.</source>
        <translation>
            <numerusform>…以及另外 %n 项。</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>SettingsWords</name>
    <message>
        <source>%1 (%2)</source>
        <translation>%1（%2）</translation>
    </message>
    <message>
        <source>%1 to %2</source>
        <translation>%1 至 %2</translation>
    </message>
    <message>
        <source>%1.</source>
        <translation>%1。</translation>
    </message>
    <message>
        <source>= %1 GB</source>
        <translation>= %1 GB</translation>
    </message>
    <message>
        <source>= %1 d</source>
        <translation>= %1 天</translation>
    </message>
    <message>
        <source>= %1 h</source>
        <translation>= %1 小时</translation>
    </message>
    <message>
        <source>= %1 min</source>
        <translation>= %1 分钟</translation>
    </message>
    <message>
        <source>A FlareSolverr you run</source>
        <translation>你运行的 FlareSolverr</translation>
    </message>
    <message>
        <source>A number, %1.</source>
        <translation>数字，%1。</translation>
    </message>
    <message>
        <source>A whole number, %1.</source>
        <translation>整数，%1。</translation>
    </message>
    <message>
        <source>Accounts</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Address here</source>
        <translation>这里的地址</translation>
    </message>
    <message>
        <source>Appearance</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>As the system is set</source>
        <translation>按系统设置</translation>
    </message>
    <message>
        <source>At least %1 characters.</source>
        <translation>至少 %1 个字符。</translation>
    </message>
    <message>
        <source>At most %1 characters.</source>
        <translation>最多 %1 个字符。</translation>
    </message>
    <message>
        <source>At random</source>
        <translation>随机</translation>
    </message>
    <message>
        <source>At start</source>
        <translation>启动</translation>
    </message>
    <message>
        <source>Automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Cookies pasted by hand</source>
        <translation>手动粘贴 Cookie</translation>
    </message>
    <message>
        <source>Current</source>
        <translation>当前</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Dark, for a light panel</source>
        <translation>深色，用于浅色面板</translation>
    </message>
    <message>
        <source>Directly</source>
        <translation>直接连接</translation>
    </message>
    <message>
        <source>Errors only</source>
        <translation>仅错误</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Fixed value</source>
        <translation>固定值</translation>
    </message>
    <message>
        <source>From a signer</source>
        <translation>来自签名服务</translation>
    </message>
    <message>
        <source>Gateway</source>
        <translation>网关</translation>
    </message>
    <message>
        <source>General</source>
        <translation>常规</translation>
    </message>
    <message>
        <source>Grok web</source>
        <translation>Grok 网页</translation>
    </message>
    <message>
        <source>Grok&apos;s address</source>
        <translation>Grok 的地址</translation>
    </message>
    <message>
        <source>Imitated</source>
        <translation>模拟</translation>
    </message>
    <message>
        <source>In colour</source>
        <translation>彩色</translation>
    </message>
    <message>
        <source>In the text</source>
        <translation>放入文本</translation>
    </message>
    <message>
        <source>Keep them</source>
        <translation>保留</translation>
    </message>
    <message>
        <source>Keys</source>
        <translation>快捷键</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Light, for a dark panel</source>
        <translation>浅色，用于深色面板</translation>
    </message>
    <message>
        <source>Like the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Logs</source>
        <translation>日志</translation>
    </message>
    <message>
        <source>MB</source>
        <translation>MB</translation>
    </message>
    <message>
        <source>Markdown, at Grok</source>
        <translation>Markdown，在 Grok</translation>
    </message>
    <message>
        <source>Markdown, kept here</source>
        <translation>Markdown，保存在这里</translation>
    </message>
    <message>
        <source>Message gateway</source>
        <translation>消息网关</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Most left</source>
        <translation>剩余最多</translation>
    </message>
    <message>
        <source>Network</source>
        <translation>网络</translation>
    </message>
    <message>
        <source>New versions</source>
        <translation>新版本</translation>
    </message>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Normal</source>
        <translation>正常</translation>
    </message>
    <message>
        <source>Nothing is done</source>
        <translation>不处理</translation>
    </message>
    <message>
        <source>Notifications</source>
        <translation>通知</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>关</translation>
    </message>
    <message>
        <source>Older</source>
        <translation>旧版</translation>
    </message>
    <message>
        <source>Older form</source>
        <translation>旧形式</translation>
    </message>
    <message>
        <source>On</source>
        <translation>开</translation>
    </message>
    <message>
        <source>One of the choices.</source>
        <translation>请从选项中选择。</translation>
    </message>
    <message>
        <source>Pictures and films</source>
        <translation>图片和视频</translation>
    </message>
    <message>
        <source>Player, at Grok</source>
        <translation>播放器，在 Grok</translation>
    </message>
    <message>
        <source>Player, kept here</source>
        <translation>播放器，保存在这里</translation>
    </message>
    <message>
        <source>Privacy</source>
        <translation>隐私</translation>
    </message>
    <message>
        <source>Remove them</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Storage</source>
        <translation>存储</translation>
    </message>
    <message>
        <source>Switch them off</source>
        <translation>停用</translation>
    </message>
    <message>
        <source>Through the proxies below</source>
        <translation>通过下方的代理</translation>
    </message>
    <message>
        <source>Time limits</source>
        <translation>时限</translation>
    </message>
    <message>
        <source>Tries</source>
        <translation>重试</translation>
    </message>
    <message>
        <source>Tries and times</source>
        <translation>重试与时限</translation>
    </message>
    <message>
        <source>Warnings</source>
        <translation>警告</translation>
    </message>
    <message>
        <source>days</source>
        <translation>天</translation>
    </message>
    <message>
        <source>seconds</source>
        <translation>秒</translation>
    </message>
    <message>
        <source>‘%1’</source>
        <translation>“%1”</translation>
    </message>
</context>
<context>
    <name>Shell</name>
    <message numerus="yes">
        <source>%n task(s) would be cut off; what is done stays done.</source>
        <translation>
            <numerusform>%n 项任务会被中断；已完成的部分会保留。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n unsaved change(s) of the settings are lost.</source>
        <translation>
            <numerusform>%n 项未保存的设置更改会丢失。</numerusform>
        </translation>
    </message>
    <message>
        <source>Apps can go on using your accounts. The icon in the tray brings the window back.</source>
        <translation>应用可以继续使用你的账号。点击托盘图标可以重新打开窗口。</translation>
    </message>
    <message>
        <source>Don&apos;t ask again</source>
        <translation>不再询问</translation>
    </message>
    <message>
        <source>Keep running</source>
        <translation>继续运行</translation>
    </message>
    <message>
        <source>Keep running without an icon?</source>
        <translation>在没有图标的情况下继续运行？</translation>
    </message>
    <message>
        <source>Keep the gateway running in the tray?</source>
        <translation>让网关在托盘中继续运行？</translation>
    </message>
    <message>
        <source>One file at a time: only the first was opened.</source>
        <translation>一次一个文件：只打开了第一个。</translation>
    </message>
    <message>
        <source>Only files with accounts can be opened like this.</source>
        <translation>只有含账号的文件可以这样打开。</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message numerus="yes">
        <source>Quit with %n request(s) running?</source>
        <translation>
            <numerusform>有 %n 个请求正在运行，仍要退出？</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Quit with %n task(s) running?</source>
        <translation>
            <numerusform>有 %n 项任务正在运行，仍要退出？</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>Quit with %n unsaved change(s)?</source>
        <translation>
            <numerusform>有 %n 项未保存的更改，仍要退出？</numerusform>
        </translation>
    </message>
    <message>
        <source>That link opens nothing in GrokDesk.</source>
        <translation>该链接在 GrokDesk 中没有对应的内容。</translation>
    </message>
    <message>
        <source>The apps that wait for them will see a broken answer.</source>
        <translation>等待回答的应用会收到不完整的回答。</translation>
    </message>
    <message>
        <source>They are under Settings, where they can be saved.</source>
        <translation>它们在“设置”中，可以在那里保存。</translation>
    </message>
    <message>
        <source>This desktop shows no tray icon. GrokDesk would go on out of sight; start it again to see it.</source>
        <translation>此桌面不显示托盘图标。GrokDesk 将在后台运行；再次启动即可看到它。</translation>
    </message>
    <message>
        <source>“%1” would be cut off; what is done stays done.</source>
        <translation>“%1”会被中断；已完成的部分会保留。</translation>
    </message>
</context>
<context>
    <name>Sidebar</name>
    <message>
        <source>Change the theme</source>
        <translation>更改主题</translation>
    </message>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Like the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Places</source>
        <translation>导航</translation>
    </message>
    <message>
        <source>Theme</source>
        <translation>主题</translation>
    </message>
    <message>
        <source>Theme: %1</source>
        <translation>主题：%1</translation>
    </message>
</context>
<context>
    <name>StatusBar</name>
    <message>
        <source>Copy address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Copy key</source>
        <translation>复制密钥</translation>
    </message>
    <message>
        <source>Gateway</source>
        <translation>网关</translation>
    </message>
    <message>
        <source>Gateway failed</source>
        <translation>网关出现故障</translation>
    </message>
    <message>
        <source>Gateway running</source>
        <translation>网关正在运行</translation>
    </message>
    <message>
        <source>Gateway stopped</source>
        <translation>网关已停止</translation>
    </message>
    <message>
        <source>Messages</source>
        <translation>消息</translation>
    </message>
    <message numerus="yes">
        <source>Messages, %n unread failure(s)</source>
        <translation>
            <numerusform>消息，%n 条未读的失败</numerusform>
        </translation>
    </message>
    <message>
        <source>Open in a window of its own</source>
        <translation>在单独的窗口中打开</translation>
    </message>
    <message>
        <source>Start</source>
        <translation>启动</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>正在启动…</translation>
    </message>
    <message>
        <source>Stop</source>
        <translation>停止</translation>
    </message>
    <message>
        <source>Stopping…</source>
        <translation>正在停止…</translation>
    </message>
</context>
<context>
    <name>Strip</name>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>%1 of %2 accounts</source>
        <translation>%1 / %2 个账号</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>%1: done.</source>
        <translation>%1：完成。</translation>
    </message>
    <message numerus="yes">
        <source>%n account(s) failed.</source>
        <translation>
            <numerusform>%n 个账号失败。</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n more under way</source>
        <translation>
            <numerusform>还有 %n 项进行中</numerusform>
        </translation>
    </message>
    <message>
        <source>After %1: %2</source>
        <translation>排在 %1 之后：%2</translation>
    </message>
    <message>
        <source>Being made</source>
        <translation>正在生成</translation>
    </message>
    <message>
        <source>Cancelled. Grok was told as well.</source>
        <translation>已取消，也已告知 Grok。</translation>
    </message>
    <message>
        <source>Film</source>
        <translation>视频</translation>
    </message>
    <message>
        <source>Pictures</source>
        <translation>图片</translation>
    </message>
    <message>
        <source>Stopping after the step it is at</source>
        <translation>完成当前步骤后停止</translation>
    </message>
    <message>
        <source>Under way</source>
        <translation>进行中</translation>
    </message>
    <message>
        <source>Waiting for its turn</source>
        <translation>正在排队</translation>
    </message>
</context>
<context>
    <name>TagAccounts</name>
    <message>
        <source>A tag has at most %1 characters.</source>
        <translation>标签最多 %1 个字符。</translation>
    </message>
    <message>
        <source>In use: %1</source>
        <translation>使用中：%1</translation>
    </message>
    <message>
        <source>Tag</source>
        <translation>标签</translation>
    </message>
    <message numerus="yes">
        <source>Tag %n account(s)</source>
        <translation>
            <numerusform>为 %n 个账号添加标签</numerusform>
        </translation>
    </message>
    <message>
        <source>Tags, parted by commas</source>
        <translation>标签，用逗号分隔</translation>
    </message>
    <message numerus="yes">
        <source>Take a tag from %n account(s)</source>
        <translation>
            <numerusform>从 %n 个账号去掉标签</numerusform>
        </translation>
    </message>
    <message>
        <source>Take away</source>
        <translation>去掉</translation>
    </message>
</context>
<context>
    <name>TagFiles</name>
    <message>
        <source>&amp;Tags, with commas between them</source>
        <translation>标签(&amp;T)，用逗号分隔</translation>
    </message>
    <message numerus="yes">
        <source>A tag has at most %n character(s).</source>
        <translation>
            <numerusform>标签最多 %n 个字符。</numerusform>
        </translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Change tags</source>
        <translation>更改标签</translation>
    </message>
    <message>
        <source>Shown are the tags that all of them have.</source>
        <translation>显示的是它们共有的标签。</translation>
    </message>
    <message numerus="yes">
        <source>Tags of %n file(s)</source>
        <translation>
            <numerusform>%n 个文件的标签</numerusform>
        </translation>
    </message>
    <message>
        <source>Tags, with commas between them</source>
        <translation>标签，用逗号分隔</translation>
    </message>
    <message>
        <source>holiday, for the website</source>
        <translation>假期，网站用</translation>
    </message>
</context>
<context>
    <name>TaskList</name>
    <message>
        <source>Work</source>
        <translation>任务</translation>
    </message>
</context>
<context>
    <name>TaskRow</name>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Put away</source>
        <translation>收起</translation>
    </message>
    <message>
        <source>Retry these</source>
        <translation>重试这些</translation>
    </message>
    <message>
        <source>Show</source>
        <translation>显示</translation>
    </message>
    <message>
        <source>about %1 left</source>
        <translation>大约还需 %1</translation>
    </message>
    <message>
        <source>stopping, what is done stays done</source>
        <translation>正在停止，已完成的部分会保留</translation>
    </message>
</context>
<context>
    <name>TaskStrip</name>
    <message numerus="yes">
        <source>%n ended with failures</source>
        <translation>
            <numerusform>%n 项结束时有失败</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n task(s) running</source>
        <translation>
            <numerusform>%n 项任务正在运行</numerusform>
        </translation>
    </message>
    <message>
        <source>Show all</source>
        <translation>全部显示</translation>
    </message>
    <message>
        <source>Work</source>
        <translation>任务</translation>
    </message>
</context>
<context>
    <name>TextControl</name>
    <message>
        <source>None</source>
        <translation>无</translation>
    </message>
</context>
<context>
    <name>Tray</name>
    <message>
        <source>%1 of %2 accounts ready</source>
        <translation>%1 / %2 个账号可用</translation>
    </message>
    <message numerus="yes">
        <source>%n accounts need you…</source>
        <translation>
            <numerusform>%n 个账号待处理…</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n request(s)</source>
        <translation>
            <numerusform>%n 个请求</numerusform>
        </translation>
    </message>
    <message>
        <source>1 account needs you…</source>
        <translation>1 个账号待处理…</translation>
    </message>
    <message>
        <source>All models…</source>
        <translation>所有模型…</translation>
    </message>
    <message>
        <source>Allow adult content</source>
        <translation>允许成人内容</translation>
    </message>
    <message>
        <source>Copy API key</source>
        <translation>复制 API 密钥</translation>
    </message>
    <message>
        <source>Copy address</source>
        <translation>复制地址</translation>
    </message>
    <message>
        <source>Copy snippet</source>
        <translation>复制代码片段</translation>
    </message>
    <message>
        <source>Demo — nothing here is real</source>
        <translation>演示：这里的一切都不是真实的</translation>
    </message>
    <message>
        <source>Gateway failed: %1</source>
        <translation>网关出现故障：%1</translation>
    </message>
    <message>
        <source>Gateway running · %1</source>
        <translation>网关正在运行 · %1</translation>
    </message>
    <message>
        <source>Gateway stopped</source>
        <translation>网关已停止</translation>
    </message>
    <message>
        <source>Gateway stopping…</source>
        <translation>网关正在停止…</translation>
    </message>
    <message>
        <source>Let other devices connect</source>
        <translation>允许其他设备连接</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>No accounts yet</source>
        <translation>还没有账号</translation>
    </message>
    <message>
        <source>Notifications</source>
        <translation>通知</translation>
    </message>
    <message>
        <source>On</source>
        <translation>开启</translation>
    </message>
    <message>
        <source>Open</source>
        <translation>打开</translation>
    </message>
    <message>
        <source>Pause 1 hour</source>
        <translation>暂停 1 小时</translation>
    </message>
    <message>
        <source>Pause 30 min</source>
        <translation>暂停 30 分钟</translation>
    </message>
    <message>
        <source>Pause until tomorrow</source>
        <translation>暂停到明天</translation>
    </message>
    <message>
        <source>Paused until %1</source>
        <translation>暂停到 %1</translation>
    </message>
    <message>
        <source>Quit</source>
        <translation>退出</translation>
    </message>
    <message numerus="yes">
        <source>Quit — %n requests are running…</source>
        <translation>
            <numerusform>退出（%n 个请求正在运行）…</numerusform>
        </translation>
    </message>
    <message>
        <source>Quit — 1 request is running…</source>
        <translation>退出（1 个请求正在运行）…</translation>
    </message>
    <message>
        <source>Quitting…</source>
        <translation>正在退出…</translation>
    </message>
    <message>
        <source>Start at login</source>
        <translation>登录时启动</translation>
    </message>
    <message>
        <source>Start gateway</source>
        <translation>启动网关</translation>
    </message>
    <message>
        <source>Starting…</source>
        <translation>正在启动…</translation>
    </message>
    <message>
        <source>Stop gateway</source>
        <translation>停止网关</translation>
    </message>
    <message>
        <source>Stopping…</source>
        <translation>正在停止…</translation>
    </message>
    <message>
        <source>Update to %1…</source>
        <translation>更新到 %1…</translation>
    </message>
</context>
<context>
    <name>TrayActs</name>
    <message>
        <source>About GrokDesk</source>
        <translation>关于 GrokDesk</translation>
    </message>
    <message>
        <source>Copied with your key. The clipboard is cleared in 60 s.</source>
        <translation>已连同密钥一起复制。剪贴板将在 60 秒后清空。</translation>
    </message>
    <message>
        <source>Only this computer can connect now.</source>
        <translation>现在只有这台电脑可以连接。</translation>
    </message>
    <message>
        <source>Other devices can connect now.</source>
        <translation>其他设备现在可以连接。</translation>
    </message>
    <message>
        <source>Other devices can connect to %1.</source>
        <translation>其他设备可以连接到 %1。</translation>
    </message>
    <message>
        <source>Other devices cannot be let in while no key is asked for. Switch on ‘Ask for a key’ first.</source>
        <translation>未要求密钥时，不能允许其他设备连接。请先开启“要求密钥”。</translation>
    </message>
</context>
<context>
    <name>Trials</name>
    <message numerus="yes">
        <source>%n challenged by Cloudflare</source>
        <translation>
            <numerusform>%n 个被 Cloudflare 拦截</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n not reachable</source>
        <translation>
            <numerusform>%n 个无法连接</numerusform>
        </translation>
    </message>
    <message numerus="yes">
        <source>%n way(s) out tested</source>
        <translation>
            <numerusform>已测试 %n 个出口</numerusform>
        </translation>
    </message>
</context>
<context>
    <name>Usage</name>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>Answered</source>
        <translation>已回答</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>First word, 95 %</source>
        <translation>首字，95 %</translation>
    </message>
    <message>
        <source>First word, median</source>
        <translation>首字，中位数</translation>
    </message>
    <message>
        <source>Others</source>
        <translation>其他</translation>
    </message>
    <message>
        <source>Period or name</source>
        <translation>时段或名称</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Success</source>
        <translation>成功率</translation>
    </message>
    <message>
        <source>Tokens in</source>
        <translation>输入 Token 数</translation>
    </message>
    <message>
        <source>Tokens out</source>
        <translation>输出 Token 数</translation>
    </message>
    <message>
        <source>d MMM</source>
        <translation>M月d日</translation>
    </message>
    <message>
        <source>d MMM HH:mm</source>
        <translation>M月d日 HH:mm</translation>
    </message>
    <message>
        <source>not named</source>
        <translation>未命名</translation>
    </message>
</context>
<context>
    <name>UsagePage</name>
    <message>
        <source>%1 in the middle, 95 of 100 within %2</source>
        <translation>中位数 %1，95 % 在 %2 以内</translation>
    </message>
    <message>
        <source>%1 in, %2 out</source>
        <translation>输入 %1，输出 %2</translation>
    </message>
    <message>
        <source>%1 requests · %2 success · first word %3 (median), %4 (95 %) · %5 tokens</source>
        <translation>%1 个请求 · 成功率 %2 · 首字 %3（中位数），%4（95 %）· %5 个 Token</translation>
    </message>
    <message>
        <source>%1 requests, %2 failed</source>
        <translation>%1 个请求，%2 个失败</translation>
    </message>
    <message>
        <source>%1 were answered</source>
        <translation>%1 个已回答</translation>
    </message>
    <message>
        <source>95 %</source>
        <translation>95 %</translation>
    </message>
    <message>
        <source>A bar for each</source>
        <translation>每个一条</translation>
    </message>
    <message>
        <source>By app or key</source>
        <translation>按应用或密钥</translation>
    </message>
    <message>
        <source>By day</source>
        <translation>按天</translation>
    </message>
    <message>
        <source>By hour</source>
        <translation>按小时</translation>
    </message>
    <message>
        <source>By model</source>
        <translation>按模型</translation>
    </message>
    <message>
        <source>Last 24 hours</source>
        <translation>最近 24 小时</translation>
    </message>
    <message>
        <source>Last 30 days</source>
        <translation>最近 30 天</translation>
    </message>
    <message>
        <source>Last 7 days</source>
        <translation>最近 7 天</translation>
    </message>
    <message>
        <source>Last 90 days</source>
        <translation>最近 90 天</translation>
    </message>
    <message>
        <source>Nothing was asked in this time</source>
        <translation>这段时间内没有请求</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Requests are counted from the first one on, and stay counted when the list forgets them.</source>
        <translation>从第一个请求起开始计数，列表不再保留的请求仍计算在内。</translation>
    </message>
    <message>
        <source>Show address and key</source>
        <translation>显示地址和密钥</translation>
    </message>
    <message>
        <source>Show as charts</source>
        <translation>显示为图表</translation>
    </message>
    <message>
        <source>Show as table</source>
        <translation>显示为表格</translation>
    </message>
    <message>
        <source>Success</source>
        <translation>成功率</translation>
    </message>
    <message>
        <source>Time</source>
        <translation>时间</translation>
    </message>
    <message>
        <source>Time to the first word</source>
        <translation>首字时间</translation>
    </message>
    <message>
        <source>Tokens</source>
        <translation>Token 数</translation>
    </message>
    <message>
        <source>Usage as a table</source>
        <translation>用量表格</translation>
    </message>
    <message>
        <source>answered</source>
        <translation>已回答</translation>
    </message>
    <message>
        <source>ended early</source>
        <translation>提前结束</translation>
    </message>
    <message>
        <source>failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>in</source>
        <translation>输入</translation>
    </message>
    <message>
        <source>median</source>
        <translation>中位数</translation>
    </message>
    <message>
        <source>out</source>
        <translation>输出</translation>
    </message>
</context>
<context>
    <name>UsedFor</name>
    <message>
        <source>Everything, or chat if files have proxies of their own</source>
        <translation>全部；如果文件另有代理，则仅用于对话</translation>
    </message>
    <message>
        <source>Only files: pictures, videos, uploads</source>
        <translation>仅文件：图片、视频、上传</translation>
    </message>
    <message>
        <source>Used for</source>
        <translation>用于</translation>
    </message>
</context>
<context>
    <name>Viewer</name>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>Account</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>App</source>
        <translation>应用</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Fit to the window</source>
        <translation>适应窗口</translation>
    </message>
    <message>
        <source>Made</source>
        <translation>创建时间</translation>
    </message>
    <message>
        <source>Mark as favourite</source>
        <translation>收藏</translation>
    </message>
    <message>
        <source>Model</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>Next</source>
        <translation>下一个</translation>
    </message>
    <message>
        <source>No favourite any more</source>
        <translation>取消收藏</translation>
    </message>
    <message>
        <source>Nothing is known of how it was made.</source>
        <translation>没有关于它如何生成的信息。</translation>
    </message>
    <message>
        <source>Pixels</source>
        <translation>像素</translation>
    </message>
    <message>
        <source>Play in your player</source>
        <translation>在播放器中播放</translation>
    </message>
    <message>
        <source>Previous</source>
        <translation>上一个</translation>
    </message>
    <message>
        <source>Prompt</source>
        <translation>提示词</translation>
    </message>
    <message>
        <source>Save as…</source>
        <translation>另存为…</translation>
    </message>
    <message>
        <source>Show in folder</source>
        <translation>在文件夹中显示</translation>
    </message>
    <message>
        <source>Size</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>Tags</source>
        <translation>标签</translation>
    </message>
    <message>
        <source>There is no still picture of this film.</source>
        <translation>此视频没有静态图片。</translation>
    </message>
    <message>
        <source>This file has been deleted.</source>
        <translation>此文件已被删除。</translation>
    </message>
    <message>
        <source>This picture cannot be shown. Save it to open it elsewhere.</source>
        <translation>无法显示此图片。请保存后在别处打开。</translation>
    </message>
    <message>
        <source>What is known of it</source>
        <translation>相关信息</translation>
    </message>
    <message>
        <source>Zoom in</source>
        <translation>放大</translation>
    </message>
    <message>
        <source>Zoom out</source>
        <translation>缩小</translation>
    </message>
</context>
<context>
    <name>WayDetails</name>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message numerus="yes">
        <source>%n way(s) out selected</source>
        <translation>
            <numerusform>已选择 %n 个出口</numerusform>
        </translation>
    </message>
    <message>
        <source>Bound accounts</source>
        <translation>绑定的账号</translation>
    </message>
    <message>
        <source>Change…</source>
        <translation>更改…</translation>
    </message>
    <message>
        <source>Details</source>
        <translation>详细信息</translation>
    </message>
    <message>
        <source>Down</source>
        <translation>下移</translation>
    </message>
    <message>
        <source>First answer</source>
        <translation>首次应答</translation>
    </message>
    <message>
        <source>Grok sees</source>
        <translation>Grok 看到的地址</translation>
    </message>
    <message>
        <source>Health</source>
        <translation>健康状况</translation>
    </message>
    <message>
        <source>Kind</source>
        <translation>类型</translation>
    </message>
    <message>
        <source>Move down</source>
        <translation>下移</translation>
    </message>
    <message>
        <source>Move up</source>
        <translation>上移</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>移除</translation>
    </message>
    <message>
        <source>Requests now</source>
        <translation>当前请求</translation>
    </message>
    <message>
        <source>Select a way out to see how it fares and why.</source>
        <translation>选择一个出口，查看它的状况和原因。</translation>
    </message>
    <message>
        <source>Show accounts</source>
        <translation>显示账号</translation>
    </message>
    <message>
        <source>Show clearance</source>
        <translation>显示通行凭证</translation>
    </message>
    <message>
        <source>Test</source>
        <translation>测试</translation>
    </message>
    <message>
        <source>Tested</source>
        <translation>测试时间</translation>
    </message>
    <message>
        <source>Try it earlier (Alt+Up)</source>
        <translation>更早尝试 (Alt+Up)</translation>
    </message>
    <message>
        <source>Try it later (Alt+Down)</source>
        <translation>更晚尝试 (Alt+Down)</translation>
    </message>
    <message>
        <source>Up</source>
        <translation>上移</translation>
    </message>
    <message>
        <source>Used for</source>
        <translation>用于</translation>
    </message>
    <message>
        <source>not told</source>
        <translation>未告知</translation>
    </message>
</context>
<context>
    <name>WayPage</name>
    <message>
        <source>Address of the proxy</source>
        <translation>代理地址</translation>
    </message>
    <message>
        <source>As this computer is set</source>
        <translation>按这台电脑的设置</translation>
    </message>
    <message>
        <source>Can this computer reach Grok?</source>
        <translation>这台电脑能连接到 Grok 吗？</translation>
    </message>
    <message>
        <source>Check again</source>
        <translation>再次检查</translation>
    </message>
    <message>
        <source>Checking…</source>
        <translation>正在检查…</translation>
    </message>
    <message>
        <source>Connect:</source>
        <translation>连接方式：</translation>
    </message>
    <message>
        <source>Directly</source>
        <translation>直接连接</translation>
    </message>
    <message>
        <source>Grok can be reached, but Cloudflare wants to see a browser first. Your accounts are fine; requests may be stopped until it is passed.</source>
        <translation>可以连接 Grok，但 Cloudflare 要求先看到浏览器。你的账号没有问题；通过之前，请求可能被拦截。</translation>
    </message>
    <message>
        <source>Grok can be reached: %1.</source>
        <translation>可以连接 Grok：%1。</translation>
    </message>
    <message>
        <source>Grok cannot be reached this way: %1</source>
        <translation>这样无法连接 Grok：%1</translation>
    </message>
    <message>
        <source>It sees you at %1.</source>
        <translation>它看到的地址是 %1。</translation>
    </message>
    <message>
        <source>Not checked yet.</source>
        <translation>尚未检查。</translation>
    </message>
    <message>
        <source>Pass Cloudflare…</source>
        <translation>通过 Cloudflare 验证…</translation>
    </message>
    <message>
        <source>Proxies and more…</source>
        <translation>代理和更多…</translation>
    </message>
    <message>
        <source>There is no way out yet. Type the address of a proxy.</source>
        <translation>还没有出口。请输入代理地址。</translation>
    </message>
    <message>
        <source>This is no address of a proxy: %1.</source>
        <translation>这不是代理地址：%1。</translation>
    </message>
    <message>
        <source>Through a proxy</source>
        <translation>通过代理</translation>
    </message>
    <message>
        <source>Use it</source>
        <translation>使用</translation>
    </message>
    <message>
        <source>Use this proxy</source>
        <translation>使用此代理</translation>
    </message>
    <message>
        <source>Which way requests leave</source>
        <translation>请求走哪个出口</translation>
    </message>
</context>
<context>
    <name>Ways</name>
    <message>
        <source>%1 It is left alone until %2.</source>
        <translation>%1 在 %2 之前不再使用。</translation>
    </message>
    <message>
        <source>%1 Its rest is over; the next request shows whether it works again.</source>
        <translation>%1 冷却已结束，下一个请求会显示它是否恢复。</translation>
    </message>
    <message>
        <source>Accounts</source>
        <translation>账号</translation>
    </message>
    <message>
        <source>Accounts that leave only by this way</source>
        <translation>只走此出口的账号</translation>
    </message>
    <message>
        <source>Already in the list</source>
        <translation>已在列表中</translation>
    </message>
    <message>
        <source>Bound accounts</source>
        <translation>绑定的账号</translation>
    </message>
    <message>
        <source>Challenged</source>
        <translation>被拦截</translation>
    </message>
    <message>
        <source>Chat</source>
        <translation>对话</translation>
    </message>
    <message>
        <source>Cloudflare wants to see a browser first. If requests are stopped, see the page Cloudflare; the accounts are fine.</source>
        <translation>Cloudflare 要求先看到浏览器。如果请求被拦截，请查看“Cloudflare”页面；账号没有问题。</translation>
    </message>
    <message>
        <source>Cloudflare&apos;s check has to be passed first. See the page Cloudflare.</source>
        <translation>需要先通过 Cloudflare 验证。请查看“Cloudflare”页面。</translation>
    </message>
    <message>
        <source>Direct connection</source>
        <translation>直接连接</translation>
    </message>
    <message>
        <source>Everything</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Exit</source>
        <translation>出口地址</translation>
    </message>
    <message>
        <source>Files</source>
        <translation>文件</translation>
    </message>
    <message>
        <source>HTTP proxy</source>
        <translation>HTTP 代理</translation>
    </message>
    <message>
        <source>HTTP proxy over TLS</source>
        <translation>HTTP 代理（TLS）</translation>
    </message>
    <message>
        <source>In use</source>
        <translation>使用中</translation>
    </message>
    <message>
        <source>It takes over when those before it fail.</source>
        <translation>排在前面的失败时由它接替。</translation>
    </message>
    <message>
        <source>Last failure, %1: %2</source>
        <translation>上次失败，%1：%2</translation>
    </message>
    <message>
        <source>Line</source>
        <translation>行</translation>
    </message>
    <message>
        <source>New</source>
        <translation>新</translation>
    </message>
    <message>
        <source>Not reachable</source>
        <translation>无法连接</translation>
    </message>
    <message>
        <source>Not understood: %1</source>
        <translation>无法识别：%1</translation>
    </message>
    <message>
        <source>Not used</source>
        <translation>未使用</translation>
    </message>
    <message>
        <source>On trial</source>
        <translation>试用中</translation>
    </message>
    <message>
        <source>Only accounts that are bound to it leave by it.</source>
        <translation>只有绑定到它的账号才从这里连接。</translation>
    </message>
    <message>
        <source>Passing Cloudflare…</source>
        <translation>正在通过 Cloudflare 验证…</translation>
    </message>
    <message>
        <source>Requests</source>
        <translation>请求</translation>
    </message>
    <message>
        <source>Requests leave by another way.</source>
        <translation>请求走其他出口。</translation>
    </message>
    <message>
        <source>Requests wait for the solver&apos;s clearance.</source>
        <translation>请求正在等待求解器的通行凭证。</translation>
    </message>
    <message>
        <source>Resting, %1</source>
        <translation>冷却中，%1</translation>
    </message>
    <message>
        <source>SOCKS4 proxy</source>
        <translation>SOCKS4 代理</translation>
    </message>
    <message>
        <source>SOCKS5 proxy</source>
        <translation>SOCKS5 代理</translation>
    </message>
    <message>
        <source>Speed</source>
        <translation>速度</translation>
    </message>
    <message>
        <source>Stands by</source>
        <translation>备用</translation>
    </message>
    <message>
        <source>State</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Stopped by Cloudflare</source>
        <translation>被 Cloudflare 拦截</translation>
    </message>
    <message>
        <source>Test it to find out.</source>
        <translation>测试一下即可知道。</translation>
    </message>
    <message>
        <source>Tested at %1</source>
        <translation>%1 测试</translation>
    </message>
    <message>
        <source>Testing…</source>
        <translation>正在测试…</translation>
    </message>
    <message>
        <source>The same as line %1</source>
        <translation>与第 %1 行相同</translation>
    </message>
    <message>
        <source>Used for</source>
        <translation>用于</translation>
    </message>
    <message>
        <source>Way out</source>
        <translation>出口</translation>
    </message>
    <message>
        <source>What happens</source>
        <translation>将会发生</translation>
    </message>
    <message>
        <source>Works</source>
        <translation>正常</translation>
    </message>
    <message>
        <source>Works, not used</source>
        <translation>正常，未使用</translation>
    </message>
    <message>
        <source>no proxy</source>
        <translation>不用代理</translation>
    </message>
</context>
<context>
    <name>WelcomePage</name>
    <message>
        <source>Dark</source>
        <translation>深色</translation>
    </message>
    <message>
        <source>It lets the apps on this computer use your own Grok accounts, through one address that speaks the language of OpenAI and Anthropic. All it needs is an account and an app.</source>
        <translation>它让这台电脑上的应用通过一个兼容 OpenAI 和 Anthropic 的地址使用你自己的 Grok 账号。只需要一个账号和一个应用。</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Light</source>
        <translation>浅色</translation>
    </message>
    <message>
        <source>Like the system</source>
        <translation>跟随系统</translation>
    </message>
    <message>
        <source>Look</source>
        <translation>外观</translation>
    </message>
    <message>
        <source>Look at a demo first</source>
        <translation>先看看演示</translation>
    </message>
    <message>
        <source>Start GrokDesk when I sign in to this computer</source>
        <translation>登录这台电脑时启动 GrokDesk</translation>
    </message>
    <message>
        <source>Welcome to GrokDesk</source>
        <translation>欢迎使用 GrokDesk</translation>
    </message>
</context>
<context>
    <name>Words</name>
    <message>
        <source>%1 %</source>
        <translation>%1 %</translation>
    </message>
    <message>
        <source>%1 (%2)</source>
        <translation>%1（%2）</translation>
    </message>
    <message>
        <source>%1 ago</source>
        <translation>%1前</translation>
    </message>
    <message>
        <source>%1 d</source>
        <translation>%1 天</translation>
    </message>
    <message>
        <source>%1 h</source>
        <translation>%1 小时</translation>
    </message>
    <message>
        <source>%1 in, %2 out</source>
        <translation>输入 %1，输出 %2</translation>
    </message>
    <message>
        <source>%1 min</source>
        <translation>%1 分钟</translation>
    </message>
    <message>
        <source>%1 ms</source>
        <translation>%1 毫秒</translation>
    </message>
    <message>
        <source>%1 s</source>
        <translation>%1 秒</translation>
    </message>
    <message>
        <source>%1.</source>
        <translation>%1。</translation>
    </message>
    <message>
        <source>, </source>
        <translation>，</translation>
    </message>
    <message>
        <source>Answered</source>
        <translation>已回答</translation>
    </message>
    <message numerus="yes">
        <source>Answered, %n tries</source>
        <translation>
            <numerusform>已回答，尝试 %n 次</numerusform>
        </translation>
    </message>
    <message>
        <source>Auto</source>
        <translation>Auto</translation>
    </message>
    <message>
        <source>Basic</source>
        <translation>Basic</translation>
    </message>
    <message>
        <source>Blocked by Grok</source>
        <translation>被 Grok 封禁</translation>
    </message>
    <message>
        <source>Expert</source>
        <translation>Expert</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>失败</translation>
    </message>
    <message>
        <source>Fast</source>
        <translation>Fast</translation>
    </message>
    <message>
        <source>Grok 4.3</source>
        <translation>Grok 4.3</translation>
    </message>
    <message>
        <source>Grok has blocked this account.</source>
        <translation>Grok 已封禁此账号。</translation>
    </message>
    <message>
        <source>Grok no longer accepts its sign-in.</source>
        <translation>Grok 不再接受它的登录。</translation>
    </message>
    <message>
        <source>Heavy</source>
        <translation>Heavy</translation>
    </message>
    <message>
        <source>Just now</source>
        <translation>刚刚</translation>
    </message>
    <message>
        <source>Never</source>
        <translation>从未</translation>
    </message>
    <message>
        <source>Not known yet</source>
        <translation>尚不清楚</translation>
    </message>
    <message>
        <source>Out of questions</source>
        <translation>提问次数已用完</translation>
    </message>
    <message>
        <source>Out of questions, %1</source>
        <translation>提问次数已用完，%1</translation>
    </message>
    <message>
        <source>Ready</source>
        <translation>可用</translation>
    </message>
    <message>
        <source>Resting, %1</source>
        <translation>冷却中，%1</translation>
    </message>
    <message>
        <source>Running</source>
        <translation>进行中</translation>
    </message>
    <message>
        <source>Signed out</source>
        <translation>登录失效</translation>
    </message>
    <message>
        <source>Stopped by you</source>
        <translation>已被你停止</translation>
    </message>
    <message>
        <source>Super</source>
        <translation>Super</translation>
    </message>
    <message>
        <source>Switched off</source>
        <translation>已停用</translation>
    </message>
    <message>
        <source>The app left</source>
        <translation>应用已断开</translation>
    </message>
    <message>
        <source>The next question is free at %1.</source>
        <translation>下次可以提问的时间：%1。</translation>
    </message>
    <message>
        <source>This week</source>
        <translation>本周</translation>
    </message>
    <message>
        <source>assumed</source>
        <translation>假定</translation>
    </message>
    <message>
        <source>confirmed by Grok</source>
        <translation>Grok 已确认</translation>
    </message>
    <message>
        <source>counted here</source>
        <translation>在此统计</translation>
    </message>
    <message>
        <source>d MMM HH:mm</source>
        <translation>M月d日 HH:mm</translation>
    </message>
    <message>
        <source>full again at %1</source>
        <translation>%1 恢复满额</translation>
    </message>
    <message>
        <source>guessed</source>
        <translation>推测</translation>
    </message>
    <message>
        <source>not checked</source>
        <translation>未检查</translation>
    </message>
    <message>
        <source>set by you</source>
        <translation>由你设定</translation>
    </message>
    <message>
        <source>told by Grok</source>
        <translation>Grok 告知</translation>
    </message>
</context>
<context>
    <name>WorkBar</name>
    <message>
        <source>%1: %2</source>
        <translation>%1：%2</translation>
    </message>
    <message>
        <source>%1: %2 of %3</source>
        <translation>%1：%2 / %3</translation>
    </message>
    <message numerus="yes">
        <source>%n more</source>
        <translation>
            <numerusform>还有 %n 个</numerusform>
        </translation>
    </message>
    <message>
        <source>Under way</source>
        <translation>进行中</translation>
    </message>
</context>
<context>
    <name>WorkLine</name>
    <message>
        <source>%1 of %2</source>
        <translation>%1 / %2</translation>
    </message>
    <message numerus="yes">
        <source>%1, %n failed</source>
        <translation>
            <numerusform>%1，%n 个失败</numerusform>
        </translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Put away</source>
        <translation>收起</translation>
    </message>
    <message>
        <source>Retry these</source>
        <translation>重试这些</translation>
    </message>
    <message>
        <source>Show each account…</source>
        <translation>显示每个账号…</translation>
    </message>
    <message>
        <source>Stopping after the step it is at: %1 done</source>
        <translation>完成当前步骤后停止：已完成 %1</translation>
    </message>
</context>
<context>
    <name>_Asking</name>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
</context>
<context>
    <name>_Slip</name>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
</context>
</TS>
